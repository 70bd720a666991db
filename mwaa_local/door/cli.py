"""`POST /aws_mwaa/cli`: one Airflow command for the bearer of a CLI token.

The answer is MWAA's: what the command wrote, each stream base64 in JSON (MWAA user guide, "Apache Airflow CLI command
reference" and "Examples in the Apache Airflow CLI"). Words are split as a shell would, but no shell sees them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from .configuration import CliServer, DoorConfiguration
from .tokens import CLI, TokenRefused, read

PATH = "/aws_mwaa/cli"
# MWAA user guide, "Call Apache Airflow CLI": about four commands at once, then 503.
AT_ONCE = 4
COMMAND_LIMIT_S = 600.0  # ours: no limit of MWAA's is documented
START_LIMIT_S = 30.0  # until the server beside the web server listens
MAX_COMMAND_BYTES = 64 * 1024
LONGEST_ANSWER_BYTES = 1 << 28  # of one line: what a command wrote, in base64
BUSY_TEXT = "Too many commands at once.\n"
EXAMPLE = "dags list"


class CommandServerGone(Exception):
    """What runs commands beside the web server does not answer."""


class CliDoor:
    """Answers the door's CLI path."""

    def __init__(self, configuration: DoorConfiguration) -> None:
        self._configuration = configuration
        self._server = CommandServer(configuration.cli)
        self._running = 0

    async def answer(self, request: web.Request) -> web.Response:
        configuration = self._configuration
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise TokenRefused("no bearer token")
            read(configuration.keys["door"], CLI, configuration.environment, token.strip())
        except TokenRefused:
            return _refused(403, "The CLI token is missing, expired or of another environment; create-cli-token makes one.")
        body = await request.content.read(MAX_COMMAND_BYTES + 1)
        try:
            if len(body) > MAX_COMMAND_BYTES:
                raise ValueError("it is too long")
            words = shlex.split(body.decode("utf-8"))
        except ValueError as error:
            return _refused(400, f"This is no Airflow command: {error}.")
        if why := refusal(words, configuration.cli.commands, configuration.version):
            return _refused(400, why)
        if self._running >= AT_ONCE:
            return web.Response(status=503, text=BUSY_TEXT, headers={"Retry-After": "1"})
        self._running += 1
        try:
            said = await self._server.run(words)
        except CommandServerGone as error:
            return web.Response(status=503, text=f"mwaa-local: {error}\n", headers={"Retry-After": "1"})
        finally:
            self._running -= 1
        return web.json_response({"stdout": said["stdout"], "stderr": said["stderr"]})

    async def close(self) -> None:
        await self._server.close()


def refusal(words: Sequence[str], commands: Sequence[str], version: str) -> str:
    """Return why MWAA would not run these words; "" for a command that it runs. `commands` are those it does."""
    if words[:1] == ["airflow"]:
        return f"Leave out the word airflow: {' '.join(words[1:]) or EXAMPLE}"
    plain = [word for word in words if not word.startswith("-")]
    # An option before the command's second word would hide which command it is.
    if words[: len(plain[:2])] != plain[:2] or not words:
        return f"A command begins with its name, as in: {EXAMPLE}"
    if words[0] in commands or " ".join(words[:2]) in commands:
        return ""
    return f"{' '.join(words[:2])} is not among the commands that MWAA runs for Airflow {version}."


class CommandServer:
    """The door's end of what runs commands, started where it is not there by itself."""

    def __init__(self, server: CliServer) -> None:
        self._about = server
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()

    async def run(self, argv: Sequence[str]) -> dict[str, object]:
        await self._ensure()
        question = json.dumps({"argv": list(argv), "timeout_s": COMMAND_LIMIT_S}).encode() + b"\n"
        try:
            reader, writer = await asyncio.open_unix_connection(self._about.socket, limit=LONGEST_ANSWER_BYTES)
        except OSError as error:
            raise CommandServerGone("what runs commands beside the web server does not answer") from error
        try:
            writer.write(question)
            await writer.drain()
            line = await reader.readline()
        finally:
            writer.close()
        said: dict[str, object] = json.loads(line) if line else {"gone": True}
        if "stdout" not in said:
            raise CommandServerGone("what runs commands beside the web server ended; try again")
        if said["exit"] is None:
            told = f"\nmwaa-local: killed after {COMMAND_LIMIT_S:.0f} s\n".encode()
            said["stderr"] = base64.b64encode(base64.b64decode(str(said["stderr"])) + told).decode("ascii")
        return said

    async def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    async def _ensure(self) -> None:
        """Start the server where that is ours to do and it does not run."""
        if not self._about.argv:
            return
        async with self._starting:
            if self._process is not None and self._process.returncode is None:
                return
            path = Path(self._about.socket)
            path.unlink(missing_ok=True)
            self._process = await asyncio.create_subprocess_exec(
                *self._about.argv,
                env=dict(self._about.env),
                cwd=self._about.cwd,
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
            deadline = asyncio.get_running_loop().time() + START_LIMIT_S
            while not path.exists() and self._process.returncode is None:
                if asyncio.get_running_loop().time() > deadline:
                    break
                await asyncio.sleep(0.01)


def _refused(status: int, why: str) -> web.Response:
    return web.Response(status=status, text=f"{why}\n")
