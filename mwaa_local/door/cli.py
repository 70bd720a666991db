"""`POST /aws_mwaa/cli`: one Airflow command for the bearer of a CLI token.

The answer is MWAA's: what the command wrote, each stream base64 in JSON (MWAA user guide, "Apache Airflow CLI command
reference" and "Examples in the Apache Airflow CLI"). Words are split as a shell would, but no shell sees them.
"""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Sequence

from aiohttp import web

from .body import read_body
from .commands import CommandsBeside, CommandServerGone
from .configuration import DoorConfiguration
from .tokens import CLI, TokenRefused, read

PATH = "/aws_mwaa/cli"
# MWAA user guide, "Call Apache Airflow CLI": about four commands at once, then 503.
AT_ONCE = 4
MAX_COMMAND_BYTES = 64 * 1024
BUSY_TEXT = "Too many commands at once.\n"
EXAMPLES = ("dags list", "list_dags")  # of Airflow 2 and later, of Airflow 1
METHOD_TEXT = (
    "mwaa-local: {path} takes POST alone: the command line as plain text in the body, without the word airflow,"
    " with\nContent-Type: text/plain and the token of create-cli-token in Authorization: Bearer TOKEN.\n"
)
JSON_TEXT = "The body must be the command line itself as plain text, not JSON, as in: "


class CliDoor:
    """Answers the door's CLI path."""

    def __init__(self, configuration: DoorConfiguration, server: CommandsBeside) -> None:
        self._configuration, self._server = configuration, server
        self._running: set[asyncio.Task[dict[str, object]]] = set()

    async def answer(self, request: web.Request) -> web.Response:
        if request.method != "POST":
            return web.Response(status=405, text=METHOD_TEXT.format(path=PATH), headers={"Allow": "POST"})
        configuration = self._configuration
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise TokenRefused("no bearer token")
            read(configuration.keys["door"], CLI, configuration.environment, token.strip())
        except TokenRefused:
            return _refused(
                403, "The CLI token is missing, expired or of another environment; create-cli-token makes one."
            )
        try:
            line = (await read_body(request, MAX_COMMAND_BYTES)).decode()
            words = shlex.split(line)
        except ValueError as error:
            return _refused(400, f"This is no Airflow command: {error}.")
        if why := refusal(words, configuration.allowed, configuration.version):
            return _refused(400, JSON_TEXT + example_of(configuration.allowed) if is_json(line) else why)
        if len(self._running) >= AT_ONCE:
            return web.Response(status=503, text=BUSY_TEXT, headers={"Retry-After": "1"})
        task = asyncio.ensure_future(self._server.run(words))
        self._running.add(task)
        task.add_done_callback(self._ended)
        try:
            said = await asyncio.shield(task)  # a command goes on, and counts, when its client goes away
        except CommandServerGone as error:
            return web.Response(status=503, text=f"mwaa-local: {error}\n", headers={"Retry-After": "1"})
        return web.json_response({"stdout": said["stdout"], "stderr": said["stderr"]})

    def _ended(self, task: asyncio.Task[dict[str, object]]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # else asyncio would miss somebody who asks for it


def refusal(words: Sequence[str], commands: Sequence[str], version: str) -> str:
    """Return why MWAA would not run these words; "" for a command that it runs. `commands` are those it does."""
    if words[:1] == ["airflow"]:
        return f"Leave out the word airflow: {' '.join(words[1:]) or example_of(commands)}"
    names = [command.split() for command in commands]
    if any(words[: len(name)] == name for name in names):
        return ""  # what follows is the command's own: `variables -g NAME` of Airflow 1
    longest = max(map(len, names), default=1)
    plain = [word for word in words if not word.startswith("-")][:longest]
    # An option before the command's second word would hide which command it is.
    if words[: len(plain)] != plain or not words:
        return f"A command begins with its name, as in: {example_of(commands)}"
    return f"{' '.join(words[:longest])} is not among the commands that MWAA runs for Airflow {version}."


def example_of(commands: Sequence[str]) -> str:
    return next((name for name in EXAMPLES if name in commands), "version")


def is_json(line: str) -> bool:
    """Say whether a text is JSON, but for a single word or number."""
    try:
        return isinstance(json.loads(line), (dict, list, str))
    except (ValueError, RecursionError):
        return False


def _refused(status: int, why: str) -> web.Response:
    return web.Response(status=status, text=f"{why}\n")
