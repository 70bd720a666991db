"""One component under supervision: launch, watch, restart, stop.

A unit owns its processes: each launch is a session of its own and signals go to the whole group.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from mwaa_local import isolation
from mwaa_local.event import (
    DEPENDENCY_FAILED,
    ENDED,
    FAILED,
    FINISHED,
    LEAVING,
    NOT_READY,
    NOT_RUN,
    READY,
    RESTARTING,
    STARTING,
    STOPPED,
    STOPPING,
    WAITING,
    Cause,
    ComponentStatus,
    Event,
)
from mwaa_local.home import Home
from mwaa_local.plan import Component, ExitedOk, LogReady
from mwaa_local.runtime.logfile import LogFile
from mwaa_local.runtime.process.forkserver import Forkserver, ForkserverGone
from mwaa_local.runtime.process.groups import end_of, group_alive, signal_group, signal_process
from mwaa_local.runtime.process.questions import ReadinessChecks, ask
from mwaa_local.runtime.process.stop_order import ask_helpers_first
from mwaa_local.runtime.readiness import describe_exit, not_ready, not_started

POLL_PAUSE_S = 0.1  # between two questions for readiness; a question costs under a millisecond
QUICK_DEATH_S = 30.0  # a component that lived shorter than this never really worked
MAX_QUICK_DEATHS = 3
RESTART_PAUSES_S = (0.5, 2.0, 5.0, 10.0, 30.0)
LINE_LIMIT_BYTES = 1 << 20  # a longer line is kept in pieces of about this size
READ_BYTES = 1 << 16
NOT_RUN_EXIT_CODE = 127  # what shells report for a program that cannot be run


class Unit:
    """One component: its state, its process, its log."""

    def __init__(
        self,
        component: Component,
        home_dir: str,
        logs_dir: Path,
        questions: ReadinessChecks,
        forkserver: Callable[[Component], Forkserver | None],
        argv_alone: Callable[[Component, Sequence[str]], list[str]],
        on_event: Callable[[Event], None],
        on_launch: Callable[[int], None],
        home: Home | None = None,
    ) -> None:
        self.component = component
        self.home_dir = home_dir
        self.home = home
        self.log = LogFile(logs_dir / f"{component.name}.log")
        self._questions = questions
        self._forkserver = forkserver
        self._argv_alone = argv_alone
        self._on_event = on_event
        self._on_launch = on_launch
        self.state = WAITING
        self.since = time.time()
        self.pid: int | None = None
        self.exit_code: int | None = None
        self.restarts = 0
        self.detail = ""
        self.cause: Cause = ""
        self._end_cause: Cause = ENDED  # of the present life, should it end
        self._quick_deaths = 0
        self._hurried = False
        self._task: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None  # while it stops
        self._deadline = 0.0  # of that, by the monotonic clock
        self._log_seen = asyncio.Event()
        self.settled = asyncio.Event()  # ready, finished, failed or stopped: what `start` waits for

    def status(self) -> ComponentStatus:
        detail = self.detail or self.log.problem
        return ComponentStatus(
            self.component.name, self.state, self.pid, self.exit_code, self.restarts, self.since, detail, self.cause
        )

    def start(self, after: Callable[[], Coroutine[Any, Any, str]]) -> None:
        """Launch once `after` (the components this one depends on) is done; it names one that failed, or ""."""
        self.settled.clear()
        self._quick_deaths = 0
        self._task = asyncio.create_task(self._live(after))

    async def stop(self, *, now: bool = False) -> None:
        """End the component: its signal, patience, SIGKILL to the group. Nothing happens where that was done before.

        One that leaves gets no more time than this stop has for all.
        """
        if self.state == STOPPED:
            return
        self._hurried = self._hurried or now
        patience_s = 0.0 if now else self.component.stop_timeout_s
        if self._ending is not None:
            self._deadline = min(self._deadline, time.monotonic() + patience_s)
            self._set(STOPPING)
            await asyncio.shield(self._ending)
            return
        self._set(STOPPING)
        await self._end(patience_s)

    async def leave(self, patience_s: float) -> None:
        """End the component as soon as it has done what it is at, however long that takes, but no longer than so."""
        self._set(LEAVING)
        self._ending = asyncio.create_task(self._end(patience_s))
        await self._ending

    async def _end(self, patience_s: float) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self.pid is not None:
            await self._end_group(self.pid, patience_s)
        self.pid = None
        self._set(STOPPED)
        self.settled.set()
        self.log.close()

    def hurry(self) -> None:
        """End the patience of a stop that goes on."""
        self._hurried = True

    async def _live(self, after: Callable[[], Coroutine[Any, Any, str]]) -> None:
        self._set(WAITING)
        failed = await after()
        if failed:
            self._set(FAILED, not_started(failed), cause=DEPENDENCY_FAILED)
            self.settled.set()
            return
        while True:
            launched = time.time()
            exit_code = await self._launch_and_watch(launched)
            if exit_code is None:
                return
            if self.pid is not None:
                await self._end_group(self.pid, 0.0)  # helpers of a leader that is gone would work on unseen
            self.exit_code, self.pid = exit_code, None
            if isinstance(self.component.ready, ExitedOk) and exit_code == 0:
                self._set(FINISHED, elapsed_s=time.time() - launched)
                self.settled.set()
                return
            lived_s = time.time() - launched
            self._quick_deaths = self._quick_deaths + 1 if lived_s < QUICK_DEATH_S else 0
            self.log.write("err", f"mwaa-local: {self.component.name} ended with {describe_exit(exit_code)}")
            if not self.component.restart or self._quick_deaths >= MAX_QUICK_DEATHS:
                self._set(FAILED, f"{describe_exit(exit_code)} after {lived_s:.1f} s", cause=self._end_cause)
                self.settled.set()
                return
            self.restarts += 1
            self.settled.clear()
            self._set(RESTARTING, describe_exit(exit_code), cause=self._end_cause)
            await asyncio.sleep(RESTART_PAUSES_S[min(self._quick_deaths, len(RESTART_PAUSES_S) - 1)])

    async def _launch_and_watch(self, launched: float) -> int | None:
        """Launch, wait for readiness and then for the end. Return the exit code; None after a readiness time-out."""
        self._log_seen.clear()
        self._set(STARTING)
        waiter = await self._launch()
        if self.component.niceness and self.pid is not None:
            # Without root, what was begun with a higher niceness cannot get a lower one.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.setpriority(os.PRIO_PROCESS, self.pid, self.component.niceness)
        ready = asyncio.create_task(self._wait_until_ready(launched))
        timeout_s = self.component.ready.timeout_s
        try:
            done, _ = await asyncio.wait({ready, waiter}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                await self._give_up()
                return None
            if ready in done:
                self._set(READY, elapsed_s=time.time() - launched)
                self.settled.set()
            return await waiter
        finally:
            ready.cancel()
            waiter.cancel()

    async def _give_up(self) -> None:
        if self.pid is not None:
            await self._end_group(self.pid, 0.0)
        self.pid = None
        self._set(FAILED, not_ready(self.component.ready), cause=NOT_READY)
        self.settled.set()

    async def _launch(self) -> asyncio.Task[int]:
        """Start the process and drain its output; return a task that ends with its exit code."""
        self.log.mark_start()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        try:
            waiter = await self._spawn(out_write, err_write)
        finally:
            os.close(out_write)
            os.close(err_write)
        for fd, stream in ((out_read, "out"), (err_read, "err")):
            await self._drain(fd, stream)
        return waiter

    async def _spawn(self, out_fd: int, err_fd: int) -> asyncio.Task[int]:
        component = self.component
        self._end_cause = ENDED
        argv = list(component.argv)
        parent = self._forkserver(component)
        if parent is None and component.airflow_argv and not component.exec_argv:
            argv = self._argv_alone(component, component.airflow_argv)
        elif parent is not None:
            try:
                await asyncio.shield(parent.ready)
                with Path(os.devnull).open("rb") as nothing:
                    fds = (nothing.fileno(), out_fd, err_fd)
                    self.pid = await parent.spawn(
                        *(component.program_argv, component.airflow_argv, component.env, self.home_dir, fds),
                        home=self.home if self.home != parent.home else None,
                    )
                self._on_launch(self.pid)
                return asyncio.create_task(self._wait_forked(parent, self.pid))
            except ForkserverGone:
                self.log.write("err", "mwaa-local: the fork server is gone; starting this component by itself")
        if component.unprivileged:
            argv = isolation.unprivileged_argv(argv)
        elif self.home is not None:
            argv = self.home.command(argv)
        try:
            process = subprocess.Popen(
                argv,
                env=dict(component.env),
                cwd="/" if component.unprivileged else self.home_dir,
                stdin=subprocess.DEVNULL,
                stdout=out_fd,
                stderr=err_fd,
                start_new_session=True,
            )
        except OSError as error:
            self.log.write("err", f"mwaa-local: cannot run {argv[0]}: {error}")
            self._end_cause = NOT_RUN
            return asyncio.create_task(asyncio.sleep(0, NOT_RUN_EXIT_CODE))
        self.pid = process.pid
        self._on_launch(self.pid)
        return asyncio.create_task(end_of(process))

    async def _wait_forked(self, parent: Forkserver, pid: int) -> int:
        try:
            return await parent.wait(pid)
        except ForkserverGone:
            # Nobody can say any more how this process ends: end it, so that it is started anew under our eyes.
            await self._end_group(pid, 0.0)
            return -signal.SIGKILL

    async def _drain(self, fd: int, stream: str) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", 0))
        task = asyncio.create_task(self._pump(reader, stream))
        _KEPT.add(task)
        task.add_done_callback(_KEPT.discard)

    async def _pump(self, reader: asyncio.StreamReader, stream: str) -> None:
        rest = b""
        while data := await reader.read(READ_BYTES):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > LINE_LIMIT_BYTES:
                lines, rest = [*lines, rest], b""
            for raw in lines:
                self._take(stream, raw)
        if rest:
            self._take(stream, rest)

    def _take(self, stream: str, raw: bytes) -> None:
        text = raw.decode("utf-8", "replace").rstrip("\r")
        self.log.write(stream, text)
        if isinstance(self.component.ready, LogReady) and self.component.ready.text in text:
            self._log_seen.set()

    async def _wait_until_ready(self, launched: float) -> None:
        ready = self.component.ready
        if isinstance(ready, LogReady):
            await self._log_seen.wait()
            return
        if isinstance(ready, ExitedOk):
            await asyncio.Future()  # its end is awaited beside this
        while not await ask(ready, self._questions, launched):
            await asyncio.sleep(POLL_PAUSE_S)

    async def _end_group(self, pid: int, patience_s: float) -> None:
        first = signal.SIGKILL if patience_s == 0 else getattr(signal, self.component.stop_signal)
        self._deadline = time.monotonic() + patience_s
        # The signal that asks goes to the leader where it has helpers of its own to end in order (worker pools);
        # the group gets the one that forces.
        if first is signal.SIGKILL or self.component.stop_group:
            signal_group(pid, first)
        elif self.component.stop_helpers_first:
            await ask_helpers_first(pid, first)
        else:
            signal_process(pid, first)
        while time.monotonic() < self._deadline and not self._hurried and group_alive(pid, leader_only=True):
            await asyncio.sleep(POLL_PAUSE_S / 2)
        if group_alive(pid):
            signal_group(pid, signal.SIGKILL)
            for _ in range(50):
                if not group_alive(pid):
                    return
                await asyncio.sleep(POLL_PAUSE_S / 2)

    def _set(self, state: str, detail: str = "", elapsed_s: float = 0.0, cause: Cause = "") -> None:
        self.state, self.detail, self.cause, self.since = state, detail, cause, time.time()
        self._on_event(Event(self.component.name, state, elapsed_s, detail, self.pid, self.exit_code))


_KEPT: set[asyncio.Task[Any]] = set()  # the event loop keeps only weak references to tasks
