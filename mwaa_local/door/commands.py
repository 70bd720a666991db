"""The door's end of what runs Airflow commands beside the web server (`mwaa_support/cli_server.py`).

Where there is no container of the web server in which it runs already, it is started with the first command.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

from .configuration import CommandServer

COMMAND_LIMIT_S = 600.0  # ours: no limit of MWAA's is documented
START_LIMIT_S = 30.0  # until what was started listens
LOOK_PAUSE_S = 0.01
LONGEST_ANSWER_BYTES = 1 << 28  # of one line: what a command wrote, in base64


class CommandServerGone(Exception):
    """What runs commands beside the web server does not answer."""


class CommandsBeside:
    """Runs Airflow commands beside the web server."""

    def __init__(self, path: Path) -> None:
        self._path = path  # of the file that says how
        self._about: CommandServer | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()

    async def run(self, argv: Sequence[str]) -> dict[str, object]:
        """Return what a command wrote, each stream base64, and its exit code. Raises CommandServerGone."""
        about = await self._ensure()
        question = json.dumps({"argv": list(argv), "timeout_s": COMMAND_LIMIT_S}).encode() + b"\n"
        try:
            reader, writer = await asyncio.open_unix_connection(about.socket, limit=LONGEST_ANSWER_BYTES)
        except OSError as error:
            raise CommandServerGone("what runs commands beside the web server does not answer") from error
        try:
            writer.write(question)
            await writer.drain()
            line = await reader.readline()
        finally:
            writer.close()
        said: dict[str, object] = json.loads(line) if line else {}
        if "stdout" not in said:
            raise CommandServerGone("what runs commands beside the web server ended; try again")
        if said["exit"] is None:
            told = f"\nmwaa-local: killed after {COMMAND_LIMIT_S:.0f} s\n".encode()
            said["stderr"] = base64.b64encode(base64.b64decode(str(said["stderr"])) + told).decode("ascii")
        return said

    async def close(self) -> None:
        """End what was started."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()

    async def _ensure(self) -> CommandServer:
        """Return how to reach it; start it where that is ours to do, anew where what it starts from has changed."""
        async with self._starting:
            about = CommandServer.read(self._path)
            runs = self._process is not None and self._process.returncode is None
            if not about.argv or (runs and about == self._about):
                return about
            await self.close()
            path = Path(about.socket)
            path.unlink(missing_ok=True)
            self._about = about
            self._process = await asyncio.create_subprocess_exec(
                *about.argv,
                env=dict(about.env),
                cwd=about.cwd,
                stdin=asyncio.subprocess.PIPE,  # it ends with us
            )
            deadline = asyncio.get_running_loop().time() + START_LIMIT_S
            while not path.exists() and self._process.returncode is None:
                if asyncio.get_running_loop().time() > deadline:
                    break
                await asyncio.sleep(LOOK_PAUSE_S)
            return about
