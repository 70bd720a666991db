"""The API's process: listens, answers, and knows when it is not wanted any more."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.api.address import Address, ApiFolder, Asked
from mwaa_local.api.environments.faults import Faults
from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.environments.status import Look
from mwaa_local.api.face import Face
from mwaa_local.api.http.call import Call
from mwaa_local.api.http.errors import INTERNAL, ServiceError, ours
from mwaa_local.api.http.routes import Routes
from mwaa_local.api.http.server import Endpoint, listen
from mwaa_local.api.iam.local_iam import LocalIam
from mwaa_local.api.operations.table import operations
from mwaa_local.api.own_paths import OwnPaths
from mwaa_local.configuration.log_groups import ACCOUNT_ID, partition_of
from mwaa_local.errors import MwaaLocalError, PortInUse, VariableInvalid, disk_error
from mwaa_local.local_aws import running_aws
from mwaa_local.observer.launch import keep_observer
from mwaa_local.place import HOST
from mwaa_local.project import Project
from mwaa_local.runtime.own_log import log_to
from mwaa_local.runtime.process.supervisor_socket import bind

LOG_NAME = "api.log"  # below the logs
STOP_SIGNAL = signal.SIGTERM
TAKE_TIMEOUT_S = 10.0  # for another API to end in whose place this one comes
WATCH_PAUSE_S = 5.0  # between two looks whether the project is still there
IDLE_VARIABLE = "MWAA_LOCAL_API_IDLE_S"
IDLE_S = 600.0  # after the last request an API ends of which no environment runs; whoever wants it starts it again
log = logging.getLogger("mwaa_local.api")


@dataclass(frozen=True)
class Serving:
    """One API: what it is for, where its folder is, and the shell's variables."""

    asked: Asked
    env: Mapping[str, str]
    is_detached: bool

    @property
    def root(self) -> Path:
        return Path(self.asked.root)

    @property
    def idle_s(self) -> float:
        """After how many seconds without a request the API may end. Raises VariableInvalid."""
        text = self.env.get(IDLE_VARIABLE) or str(IDLE_S)
        with contextlib.suppress(ValueError):
            if (seconds := float(text)) > 0:
                return seconds
        why = "It is how many seconds the API waits for a request before it ends: a number above 0."
        raise VariableInvalid(f"{IDLE_VARIABLE} is {text!r}", why, f"export {IDLE_VARIABLE}={IDLE_S:.0f}, or unset it")

    def registry(self) -> Registry:
        if self.asked.is_folder:
            return Registry.of_folder(self.root, self.env)
        return Registry.of_project(Project(self.root), self.env)

    def run(self, on_ready: Callable[[Address], None] = lambda _: None) -> bool:
        """Answer until a signal or nobody's need ends it. False where another API is there and stays.

        Raises OSError for a port that cannot be had, VariableInvalid for a time that is none.
        """
        _ = self.idle_s  # told now, not when it is needed
        registry = self.registry()
        folder = ApiFolder.of(registry.home.state_dir)
        lock = self._take(folder)
        if lock is None:
            return False
        try:
            log_to(registry.home.logs_dir / LOG_NAME)
            with listening(self.asked.port, folder.last_port) as port, bind(folder.socket_path) as local:
                address = Address(os.getpid(), port.getsockname()[1], self.is_detached, self.asked)
                folder.write(address)
                on_ready(address)
                asyncio.run(self._serve(registry, folder, address, (port, local)))
        finally:
            os.close(lock)
        return True

    def _take(self, folder: ApiFolder) -> int | None:
        """Return the lock of the API; one that is in nobody's sight has to go for it."""
        lock = folder.take()
        if lock is not None:
            return lock
        other = folder.address
        if other is None or not other.is_detached or (self.is_detached and other.asked == self.asked):
            return None
        with contextlib.suppress(ProcessLookupError):
            os.kill(other.pid, STOP_SIGNAL)
        return folder.take(TAKE_TIMEOUT_S)

    async def _serve(
        self, registry: Registry, folder: ApiFolder, address: Address, sockets: tuple[socket.socket, ...]
    ) -> None:
        use = Use()
        callers = LocalIam(lambda: running_aws(registry.home, registry.env))
        face = Face(registry, self.asked.region, ACCOUNT_ID, partition_of(self.asked.region), callers)
        own = OwnPaths(registry, address, self.env, use.note)
        perform = use.noting(performing(face))
        endpoint = Endpoint(Routes.load(), perform, own.answer, self.asked.names, delaying(registry.faults))
        runner = await listen(endpoint, sockets)
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        await asyncio.to_thread(registry.resume)
        watching = asyncio.create_task(self._watch(registry, folder, address, use, ended))
        await ended.wait()
        watching.cancel()
        await runner.cleanup()

    async def _watch(
        self, registry: Registry, folder: ApiFolder, address: Address, use: Use, ended: asyncio.Event
    ) -> None:
        """Have observers live; end the API when its folder is gone, or it serves nobody where nothing runs."""
        told = ""
        while not ended.is_set():
            await asyncio.sleep(min(WATCH_PAUSE_S, self.idle_s))
            try:
                await asyncio.to_thread(keep_observers, registry)
                if folder.address != address or await self._is_needless(registry, use):
                    ended.set()
            except Exception as error:  # what it could not see now it may see next time
                if told != (told := repr(error)):  # one that stays is logged once
                    log.exception("cannot tell whether the API is needed; it goes on")

    async def _is_needless(self, registry: Registry, use: Use) -> bool:
        """Whether nobody has asked for long, and nothing runs. One in front of somebody stays."""
        if not self.is_detached or use.idle_s <= self.idle_s:
            return False
        if not await asyncio.to_thread(is_anything_running, registry):
            return True
        use.note()
        return False


def start_error(error: OSError, asked: Asked) -> MwaaLocalError:
    """Return what whoever wanted the API is told of what kept it from starting."""
    known = disk_error(error)
    if isinstance(known, MwaaLocalError):
        return known
    if not asked.port:
        return PortInUse("the API cannot listen on any port of this machine", str(error), "free some ports")
    hint = "stop what listens there, or choose another port with `ApiPort` in the Local section of mwaa.yaml"
    return PortInUse(f"the API cannot listen on port {asked.port}", str(error), hint)


class Use:
    """When something was asked last."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def note(self) -> None:
        self._last = time.monotonic()

    @property
    def idle_s(self) -> float:
        return time.monotonic() - self._last

    def noting(self, perform: Callable[[Call], Any]) -> Callable[[Call], Any]:
        def noted(call: Call) -> Any:
            self.note()
            return perform(call)

        return noted


def performing(face: Face) -> Callable[[Call], Any]:
    """Return what does an operation's function for each call."""
    table = operations()

    def perform(call: Call) -> Any:
        with _told():
            return table[call.operation](call, face)

    return perform


def delaying(faults: Faults) -> Callable[[], float]:
    """Return what says for how long a call has to wait, or raises what it is refused with, as was asked for."""

    def delay_s() -> float:
        with _told():
            return faults.at_call()

    return delay_s


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Tell the client what the user of this machine can mend: a full disk, a damaged file."""
    try:
        yield
    except MwaaLocalError as error:
        raise ours(INTERNAL, "; ".join(filter(None, (error.what, error.why, error.hint)))) from error


def keep_observers(registry: Registry) -> None:
    """Start those observers again that somebody has killed."""
    for project in registry.projects():
        keep_observer(project, registry.env)


def is_anything_running(registry: Registry) -> bool:
    """Whether an environment runs or may do so, or something is being done to one."""
    if registry.own is not None and _may_run(registry.looks.look(registry.own)):  # also one whose record is damaged
        return True
    for name in registry.names():
        with contextlib.suppress(ServiceError):  # deleted just now
            served = registry.find(name)
            if served.record.operation is not None or _may_run(served.look):
                return True
    return False


def _may_run(look: Look) -> bool:
    """Whether it runs, or that cannot be seen now, as of an engine that is just being restarted."""
    return look.is_running or not look.is_sure


@contextlib.contextmanager
def listening(port: int, last_port: int) -> Any:
    """Listen on a port of loopback; where any will do, on the last one if that is free. Raises OSError."""
    for candidate in dict.fromkeys([port] if port else [last_port, 0]):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((HOST, candidate))
                listener.listen()
            except OSError:
                if candidate == port:
                    raise
                continue
            yield listener
            return
