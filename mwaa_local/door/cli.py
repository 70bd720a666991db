"""`POST /aws_mwaa/cli`: one Airflow command for the bearer of a CLI token.

The answer is MWAA's: what the command wrote, each stream base64 in JSON (MWAA user guide, "Apache Airflow CLI command
reference" and "Examples in the Apache Airflow CLI"). Words are split as a shell would, but no shell sees them.
"""

from __future__ import annotations

import asyncio
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


class CliDoor:
    """Answers the door's CLI path."""

    def __init__(self, configuration: DoorConfiguration, server: CommandsBeside) -> None:
        self._configuration, self._server = configuration, server
        self._running: set[asyncio.Task[dict[str, object]]] = set()

    async def answer(self, request: web.Request) -> web.Response:
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
            words = shlex.split((await read_body(request, MAX_COMMAND_BYTES)).decode())
        except ValueError as error:
            return _refused(400, f"This is no Airflow command: {error}.")
        if why := refusal(words, configuration.allowed, configuration.version):
            return _refused(400, why)
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
    example = next((name for name in EXAMPLES if name in commands), "version")
    if words[:1] == ["airflow"]:
        return f"Leave out the word airflow: {' '.join(words[1:]) or example}"
    if words and words[0] in commands:
        return ""  # what follows is the command's own: `variables -g NAME` of Airflow 1
    longest = max((len(name.split()) for name in commands), default=1)
    plain = [word for word in words if not word.startswith("-")][:longest]
    # An option before the command's second word would hide which command it is.
    if words[: len(plain)] != plain or not words:
        return f"A command begins with its name, as in: {example}"
    name = " ".join(words[:longest])
    return "" if name in commands else f"{name} is not among the commands that MWAA runs for Airflow {version}."


def _refused(status: int, why: str) -> web.Response:
    return web.Response(status=status, text=f"{why}\n")
