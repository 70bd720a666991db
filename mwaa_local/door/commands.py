"""The door's end of what runs Airflow commands beside the web server (`mwaa_support/cli_server.py`).

Where there is no container of the web server in which it runs already, it is started with the first command.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .configuration import CommandServer

COMMAND_LIMIT_S = 600.0  # ours: no limit of MWAA's is documented
START_LIMIT_S = 30.0  # until what was started listens
END_LIMIT_S = 2.0
LOOK_PAUSE_S = 0.01
LONGEST_ANSWER_BYTES = 1 << 28  # of one line: what a command wrote, in base64
SILENT = "what runs commands beside the web server does not answer; `mwaa-local logs door` may say why"


class CommandServerGone(Exception):
    """What runs commands beside the web server does not answer."""


class CommandsBeside:
    """Runs Airflow commands beside the web server."""

    def __init__(self, path: Path, limit_s: float = COMMAND_LIMIT_S) -> None:
        self._path = path  # of the file that says how
        self._limit_s = limit_s
        self._about: CommandServer | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()

    async def run(self, argv: Sequence[str]) -> dict[str, object]:
        """Return what a command wrote, each stream base64, and its exit code. Raises CommandServerGone."""
        said = await self._ask({"argv": list(argv), "timeout_s": self._limit_s})
        if "stdout" not in said:
            raise CommandServerGone("what runs commands beside the web server ended; try again")
        if told := told_of(said["exit"], self._limit_s):
            stderr = base64.b64decode(str(said["stderr"])) + f"\nmwaa-local: {told}\n".encode()
            said["stderr"] = base64.b64encode(stderr).decode("ascii")
        return said

    async def make_user(self, wanted: Mapping[str, str]) -> int:
        """Have a user of the web server made or changed, as `web_user.py` takes it; return the id of its row.

        Raises CommandServerGone, also while the web server has not made its roles yet.
        """
        said = await self._ask({"user": dict(wanted)})
        if not isinstance(user_id := said.get("user_id"), int):
            raise CommandServerGone(str(said.get("refused", "what makes users beside the web server ended; try again")))
        return user_id

    async def close(self) -> None:
        """End what was started, and with it every command that runs."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), END_LIMIT_S)
            except asyncio.TimeoutError:  # on Python 3.10 no TimeoutError
                process.kill()
                await process.wait()

    async def _ask(self, request: Mapping[str, object]) -> dict[str, object]:
        reader, writer = await self._connect()
        try:
            writer.write(json.dumps(request).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
        except OSError:
            line = b""
        finally:
            writer.close()
        said: dict[str, object] = json.loads(line) if line.endswith(b"\n") else {}
        return said

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection; start anew, once, what is ours to start and has ended without our having seen it yet."""
        for is_last in (False, True):
            about = await self._ensure()
            asked = self._process
            try:
                with short_path(Path(about.socket)) as path:
                    return await asyncio.open_unix_connection(path, limit=LONGEST_ANSWER_BYTES)
            except OSError as error:
                if is_last or not about.argv:
                    raise CommandServerGone(SILENT) from error
                async with self._starting:
                    if self._process is asked:  # else another request has started it anew
                        await self.close()
        raise AssertionError  # never reached

    async def _ensure(self) -> CommandServer:
        """Return how to reach it; start it where that is ours to do, anew where what it starts from has changed."""
        async with self._starting:
            try:
                about = CommandServer.read(self._path)
            except (OSError, ValueError, TypeError) as error:
                raise CommandServerGone(SILENT) from error
            runs = self._process is not None and self._process.returncode is None
            if about.argv and not (runs and about == self._about):
                await self.close()
                await self._start(about)
            return about

    async def _start(self, about: CommandServer) -> None:
        path = Path(about.socket)
        path.unlink(missing_ok=True)
        self._about = about
        try:
            self._process = await asyncio.create_subprocess_exec(
                *about.argv,
                env=dict(about.env),
                cwd=about.cwd,
                stdin=asyncio.subprocess.PIPE,  # it ends with us
            )
        except OSError as error:  # its Python, say, is gone
            raise CommandServerGone(SILENT) from error
        deadline = asyncio.get_running_loop().time() + START_LIMIT_S
        while not path.exists() and self._process.returncode is None:
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(LOOK_PAUSE_S)


def told_of(code: object, limit_s: float) -> str:
    """Return what is to be said of a command that did not end by itself."""
    if code is None:
        return f"killed after {limit_s:.0f} s"
    return f"ended by signal {-code}" if isinstance(code, int) and code < 0 else ""


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Give a name of a socket that is short enough for one: Linux takes 107 bytes."""
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except FileNotFoundError:
        yield str(path)
        return
    try:
        short = Path(f"/proc/self/fd/{folder}")
        yield str(short / path.name if short.exists() else path)
    finally:
        os.close(folder)
