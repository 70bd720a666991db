"""The Unix socket between the launcher and the supervisor of one environment. One JSON line asks, JSON lines answer."""

from __future__ import annotations

import array
import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from mwaa_local.plan import Plan
from mwaa_local.runtime.process.forkserver import ForkserverGone

SOCKET_NAME = "supervisor.sock"
MAX_REQUEST_BYTES = 4 << 20  # a plan is some 200 kB


class Answerer(Protocol):
    """Who answers on the socket: the supervisor, which opens it."""

    run_dir: Path
    plan: Plan | None
    is_stopping: bool
    done: asyncio.Event

    def status(self) -> list[dict[str, Any]]: ...

    def listen(self) -> Any: ...

    async def apply(self, plan: Plan) -> None: ...

    async def resize(self, plan: Plan) -> None: ...

    async def stop_all(self, *, now: bool) -> None: ...

    async def run(self, request: dict[str, Any], fds: list[int], client: socket.socket) -> int: ...


class SupervisorSocket:
    """The Unix socket on which the launcher asks."""

    def __init__(self, supervisor: Answerer) -> None:
        self._supervisor = supervisor
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Answer until the supervisor is done."""
        with bind(self._supervisor.run_dir / SOCKET_NAME) as listener:
            listener.setblocking(False)
            accepting = asyncio.create_task(self._accept(listener))
            await self._supervisor.done.wait()
            accepting.cancel()
            # The client that asked for the stop still reads its last line.
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(listener)
            task = asyncio.create_task(self._serve(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with client:
            request, fds = await _receive(client)
            try:
                async for answer in self._answer(request, fds, client):
                    await loop.sock_sendall(client, json.dumps(answer).encode() + b"\n")
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client was interrupted; what it asked for goes on
            finally:
                for fd in fds:
                    os.close(fd)

    async def _answer(
        self, request: dict[str, Any], fds: list[int], client: socket.socket
    ) -> AsyncIterator[dict[str, Any]]:
        supervisor = self._supervisor
        match request.get("op"):
            case "status":
                plan = supervisor.plan
                plain = plan.to_json() if plan else None
                yield {"status": supervisor.status(), "plan": plain, "is_stopping": supervisor.is_stopping}
            case "apply":
                plan = Plan.from_json(request["plan"])
                async for answer in self._with_events(supervisor.apply(plan)):
                    yield answer
                yield {"done": True, "status": supervisor.status()}
            case "resize":
                await supervisor.resize(Plan.from_json(request["plan"]))
                yield {"done": True, "status": supervisor.status()}
            case "stop":
                async for answer in self._with_events(supervisor.stop_all(now=bool(request.get("now")))):
                    yield answer
                yield {"done": True, "status": []}
            case "run":
                try:
                    yield {"exit_code": await supervisor.run(request, fds, client)}
                except (ForkserverGone, LookupError, OSError) as error:
                    yield {"error": str(error) or type(error).__name__}
            case unknown:
                yield {"error": f"unknown request {unknown!r}"}

    async def _with_events(self, work: Any) -> AsyncIterator[dict[str, Any]]:
        """Yield events while `work` goes on, and all of them before it is called done."""
        with self._supervisor.listen() as queue:
            task = asyncio.ensure_future(work)
            try:
                while not (task.done() and queue.empty()):
                    getter = asyncio.ensure_future(queue.get())
                    await asyncio.wait({getter, task}, return_when=asyncio.FIRST_COMPLETED)
                    if getter.done():
                        yield {"event": asdict(getter.result())}
                    else:
                        getter.cancel()
                task.result()
            finally:
                if not task.done():
                    _KEPT.add(task)
                    task.add_done_callback(_KEPT.discard)


_KEPT: set[Any] = set()  # work whose client went away


async def _receive(client: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return the client's request and the descriptors that came with it."""
    loop = asyncio.get_running_loop()
    client.setblocking(False)
    readable = asyncio.Event()
    loop.add_reader(client, readable.set)
    await readable.wait()
    loop.remove_reader(client)
    size = array.array("i").itemsize
    data, ancillary, _, _ = client.recvmsg(65536, socket.CMSG_LEN(3 * size))
    fds = array.array("i")
    for _, _, payload in ancillary:
        fds.frombytes(payload[: len(payload) - len(payload) % size])
    while data and not data.endswith(b"\n") and len(data) < MAX_REQUEST_BYTES:
        more = await loop.sock_recv(client, 1 << 20)
        if not more:
            break
        data += more
    return (json.loads(data) if data.endswith(b"\n") else {}), list(fds)


def bind(path: Path) -> socket.socket:
    """Listen on the path, however long it is: Linux takes 107 bytes, so the folder is named by a descriptor."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short_path(path) as short:
        listener.bind(short)
    path.chmod(0o600)
    listener.listen()
    return listener


def connect(path: Path) -> socket.socket:
    """Connect to a supervisor's socket. Raises OSError when nobody listens."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short_path(path) as short:
            client.connect(short)
    except OSError:
        client.close()
        raise
    return client


@contextlib.contextmanager
def _short_path(path: Path) -> Any:
    fd = os.open(path.parent, os.O_RDONLY)
    try:
        proc = Path(f"/proc/self/fd/{fd}")
        yield str(proc / path.name) if proc.exists() else str(path)
    finally:
        os.close(fd)
