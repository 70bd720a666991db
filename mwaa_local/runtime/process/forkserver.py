"""The supervisor's end of the fork server: one process that imported Airflow once and forks components.

The other end is `guest/site_packages/mwaa_support/forkserver.py`, which runs in the release's interpreter.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mwaa_local import isolation
from mwaa_local.home import Home

READ_BYTES = 65536
ALONE = "alone"  # what its program gets in place of a socket, to run one command and fork nothing


class ForkserverGone(Exception):
    """The fork server ended; what it would have started must be started another way."""


class Forkserver:
    """Starts processes by asking the fork server; reports their ends through futures."""

    def __init__(self, on_gone: Callable[[], None], home: Home | None = None) -> None:
        self._on_gone = on_gone
        self.home = home  # in which it is launched, and with it what it forks
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._reader: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[int]] = {}
        self._ends: dict[int, asyncio.Future[int]] = {}
        self._requests = 0
        self.ready: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    @property
    def alive(self) -> bool:
        return self._socket is not None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def launch(
        self, argv: Sequence[str], modules: Sequence[str], env: Mapping[str, str], cwd: str, log_fd: int
    ) -> None:
        """Start the process; `ready` gets the seconds its imports took."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*argv, str(theirs.fileno()), *modules],
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log_fd,
                stderr=log_fd,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        ours.setblocking(False)
        self._socket = ours
        self._reader = asyncio.create_task(self._read())

    async def spawn(
        self,
        program: Sequence[str],
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        fds: Sequence[int],
        home: Home | None = None,
    ) -> int:
        """Fork a process for an Airflow command with the three descriptors as its streams; return its pid.

        `program` is what the interpreter would get to run Airflow; `home` is where it lives, if not with this process.
        """
        if self._socket is None:
            raise ForkserverGone
        self._requests += 1
        name = str(self._requests)
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._answers[name] = answer
        request: dict[str, Any] = {"id": name, "program": list(program), "argv": list(argv), "env": dict(env)}
        request["cwd"] = cwd
        if home is not None:
            # What may not be written to is so already: a plan's homes all show the same, and this process has its own.
            layout = {"home_dir": home.home_dir, "folders": {name: item.path for name, item in home.folders.items()}}
            request["home"] = {"isolation": str(isolation.__file__), **layout}
        message = json.dumps(request).encode() + b"\n"
        try:
            sent = socket.send_fds(self._socket, [message], list(fds))
            await asyncio.get_running_loop().sock_sendall(self._socket, message[sent:])
        except OSError as error:
            raise ForkserverGone from error
        return await answer

    async def wait(self, pid: int) -> int:
        """Wait for a process that `spawn` started; return its exit code, negative for a signal."""
        return await asyncio.shield(self._end(pid))

    def _end(self, pid: int) -> asyncio.Future[int]:
        return self._ends.setdefault(pid, asyncio.get_running_loop().create_future())

    async def _read(self) -> None:
        assert self._socket is not None
        loop = asyncio.get_running_loop()
        buffer = b""
        while True:
            try:
                data = await loop.sock_recv(self._socket, READ_BYTES)
            except OSError:
                data = b""
            if not data:
                break
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                self._take(json.loads(line))
        self._forget()
        self._on_gone()

    def _take(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.ready.set_result(float(message["ready"]))
        elif "status" in message:
            # A process may end before the answer to its spawn was read; the future waits for whoever asks.
            self._end(message["pid"]).set_result(os.waitstatus_to_exitcode(message["status"]))
        else:
            self._answers.pop(message["id"]).set_result(message["pid"])

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        waiting: list[asyncio.Future[Any]] = [*self._answers.values(), *self._ends.values(), self.ready]
        for future in waiting:
            if not future.done():
                future.set_exception(ForkserverGone())
                future.exception()  # nobody may be waiting; that is no unhandled error

    async def close(self) -> None:
        """End the fork server, which holds nothing worth an orderly end; processes it started go on."""
        if self._reader is not None:
            self._reader.cancel()
        self._forget()
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
