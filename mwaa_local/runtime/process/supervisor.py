"""The process that looks after one environment: carries plans out, keeps components running, answers the launcher.

Started detached by `runtime`; `python -m mwaa_local.runtime.process.supervisor RUN_DIR LOGS_DIR`. One JSON line asks,
JSON lines answer, over a Unix socket in the private run folder. It imports little: it lives as long as the environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mwaa_local import isolation
from mwaa_local.event import FAILED, Event
from mwaa_local.naming import kind_of
from mwaa_local.plan import LEAVE_TIMEOUT_S, SCHEDULER_HOME, Component, Plan
from mwaa_local.runtime.process.client_signals import forward_signals, interrupt_script
from mwaa_local.runtime.process.forkserver import ALONE, Forkserver, ForkserverGone
from mwaa_local.runtime.process.groups import end_of
from mwaa_local.runtime.process.questions import HealthAnswers
from mwaa_local.runtime.process.state import NO_ISOLATION, State, remember_session, write_state
from mwaa_local.runtime.process.supervisor_socket import SupervisorSocket
from mwaa_local.runtime.process.unit import Unit

UMASK = 0o077  # logs and run files may hold what tasks print
# What may differ between a component and the fork server without mattering to modules already imported.
FORK_SAFE_VARIABLES = ("MWAA_AIRFLOW_COMPONENT", "MWAA_COMMAND")


class Supervisor:
    """All units of one environment, and the one plan they follow."""

    def __init__(self, run_dir: Path, logs_dir: Path, *, isolated: bool) -> None:
        self.run_dir = run_dir
        self.logs_dir = logs_dir
        self._isolated = isolated
        self.plan: Plan | None = None
        self.units: dict[str, Unit] = {}
        self._leaving: dict[str, Unit] = {}  # workers that are no part of the plan any more
        self._tasks: set[asyncio.Task[None]] = set()  # the event loop keeps only weak references to tasks
        self._forkserver: Forkserver | None = None
        self._answers: HealthAnswers | None = None
        self._listeners: set[asyncio.Queue[Event]] = set()
        self._changing = asyncio.Lock()
        self.is_stopping = False
        self.done = asyncio.Event()

    async def apply(self, plan: Plan) -> None:
        """Carry the plan out: start what is new, restart what changed, stop what is gone, leave the rest."""
        async with self._changing:
            previous, self.plan = self.plan, plan
            wanted = {component.name: component for component in plan.components}
            gone = [unit for name, unit in self.units.items() if _must_stop(unit, wanted.get(name), previous, plan)]
            # One that leaves goes on, unless it is in the way or its like are started anew.
            left = [unit for unit in self._leaving.values() if _must_stop(unit, _like(unit, plan), previous, plan)]
            gone += [] if plan.patient else left
            for unit in [unit for unit in gone if unit.component.name in plan.leaving and unit.state != FAILED]:
                if plan.patient:
                    gone.remove(unit)
                    self._begin_to_leave(unit.component.name)
            await self._stop(gone, now=False)
            for unit in gone:
                if self.units.get(unit.component.name) is unit:
                    self.units.pop(unit.component.name)
            self._forget_left(plan)
            self._prepare_forkserver(previous, plan)
            self._start_new(plan)
            units = [self.units[name] for name in wanted]
        # Not under the lock: a stop must not wait for what may never be ready.
        for unit in units:
            await unit.settled.wait()
        gc.freeze()

    async def resize(self, plan: Plan) -> None:
        """Carry out a plan that has other workers than the present one, and wait for none of them."""
        async with self._changing:
            self.plan = plan
            for name in [name for name in self.units if plan.component(name) is None]:
                self._begin_to_leave(name)
            self._forget_left(plan)
            self._start_new(plan)

    def _begin_to_leave(self, name: str) -> None:
        self._leaving[name] = self.units.pop(name)
        task = asyncio.create_task(self._let_leave(name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _let_leave(self, name: str) -> None:
        await self._leaving[name].leave(LEAVE_TIMEOUT_S)
        self._leaving.pop(name)
        if self.plan is not None:
            self._forget_left(self.plan)

    def _forget_left(self, plan: Plan) -> None:
        """Follow the plan without those that have ended: one may have done so since the plan was made."""
        self.plan = plan.without_left(self._leaving)

    def _start_new(self, plan: Plan) -> None:
        """Begin what the plan has and what does not run."""
        if self._answers is None or not self._answers.are_for(plan):
            self._answers = HealthAnswers(plan)
        fresh = [component for component in plan.components if component.name not in self.units]
        for component in fresh:
            self.units[component.name] = Unit(
                component,
                plan.home_dir,
                self.logs_dir,
                self._answers,
                self._forkserver_for,
                self._argv_alone,
                self._tell,
                self._remember,
                plan.home(component.home),
            )
        for component in fresh:
            unit = self.units[component.name]
            unit.start(lambda unit=unit: self._dependencies_ready(unit))  # type: ignore[misc]

    async def _dependencies_ready(self, unit: Unit) -> str:
        """Wait for what the unit depends on; return the name of one that failed, or ""."""
        for name in unit.component.depends_on:
            await self.units[name].settled.wait()
            if self.units[name].state == FAILED:
                return name
        return ""

    def _remember(self, pid: int) -> None:
        # In a process namespace the kernel keeps the list, and pids mean nothing outside.
        if not self._isolated:
            remember_session(self.run_dir, pid)

    async def stop_all(self, *, now: bool) -> None:
        """Stop everything, and then be done, whether or not anybody still waits for it."""
        self.is_stopping = True
        if now:  # a stop that waits for tasks may hold the lock
            for unit in self._all_units():
                unit.hurry()
        async with self._changing:
            await self._stop(self._all_units(), now=now)
            if self._forkserver is not None:
                await self._forkserver.close()
        self.done.set()

    def _all_units(self) -> list[Unit]:
        return [*self.units.values(), *self._leaving.values()]

    async def _stop(self, units: Iterable[Unit], *, now: bool) -> None:
        units = list(units)
        for stage in sorted({unit.component.stop_stage for unit in units}):
            members = [unit for unit in units if unit.component.stop_stage == stage]
            await asyncio.gather(*(unit.stop(now=now) for unit in members))

    def _prepare_forkserver(self, previous: Plan | None, plan: Plan) -> None:
        if previous is not None and _forkserver_key(previous) == _forkserver_key(plan) and self._forkserver:
            return
        if self._forkserver is not None:
            closing = asyncio.create_task(self._forkserver.close())
            closing.add_done_callback(lambda _: None)
            self._forkserver = None
        if plan.preload_argv:
            self._forkserver = self._launch_forkserver(plan)

    def _launch_forkserver(self, plan: Plan) -> Forkserver:
        home = plan.home(SCHEDULER_HOME)
        forkserver = Forkserver(self._forget_forkserver, home)
        self.logs_dir.mkdir(parents=True, exist_ok=True)
        log_fd = os.open(self.logs_dir / "forkserver.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            argv = home.command(plan.preload_argv) if home else plan.preload_argv
            forkserver.launch(argv, plan.preload, plan.preload_env, plan.home_dir, log_fd)
        finally:
            os.close(log_fd)
        return forkserver

    def _forget_forkserver(self) -> None:
        """The fork server died: what is restarted from now on starts through a new one, if that lives."""
        dead, self._forkserver = self._forkserver, None
        if dead is None or dead.ready.exception() is not None:
            return  # it never worked: another one would not either
        if self.plan is not None and self.plan.preload_argv and not self._changing.locked():
            self._forkserver = self._launch_forkserver(self.plan)

    def _forkserver_for(self, component: Component) -> Forkserver | None:
        """Return the fork server when the component can come out of it: an Airflow command with its configuration."""
        if not component.airflow_argv or self._forkserver is None or self.plan is None:
            return None
        same = _without(component.env, FORK_SAFE_VARIABLES) == _without(self.plan.preload_env, FORK_SAFE_VARIABLES)
        return self._forkserver if same else None

    def _argv_alone(self, component: Component, airflow_argv: Sequence[str]) -> list[str]:
        """Return what runs an Airflow command by itself, with the end of one that comes out of the fork server."""
        if component.exec_argv or self.plan is None or self._forkserver is None:
            return [*component.command_argv, *airflow_argv]
        return [*self.plan.preload_argv, ALONE, *component.program_argv, *airflow_argv]

    def _tell(self, event: Event) -> None:
        for queue in self._listeners:
            queue.put_nowait(event)

    @contextlib.contextmanager
    def listen(self) -> Any:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    def status(self) -> list[dict[str, Any]]:
        """Return every unit's status as plain values, in the plan's order."""
        order = [component.name for component in self.plan.components] if self.plan else []
        names = [*(name for name in order if name in self.units), *(name for name in self.units if name not in order)]
        units = [*(self.units[name] for name in names), *self._leaving.values()]
        return [asdict(unit.status()) for unit in units]

    async def run(self, request: dict[str, Any], fds: list[int], client: socket.socket) -> int:
        """Run an Airflow command for a client on the client's own streams; return its exit code."""
        if self.plan is None:
            raise ForkserverGone
        component = next((item for item in self.plan.meant(request["component"]) if item.airflow_argv), None)
        if component is None:
            able = ", ".join(item.name for item in self.plan.components if item.airflow_argv)
            raise LookupError(f"Airflow commands can run in: {able or 'none'}.")
        argv, script = tuple(request["argv"]), request.get("script", "")
        env = {**component.env, **request["env"]}
        parent, home = self._forkserver_for(component), self.plan.home(component.home)
        if parent is not None and parent.ready.done():
            program = (script,) if script else component.program_argv
            apart = home if home != parent.home else None
            pid = await parent.spawn(program, argv, env, self.plan.home_dir, fds, home=apart)
            end = asyncio.create_task(parent.wait(pid))
        else:
            words = [component.command_argv[0], script, *argv] if script else self._argv_alone(component, argv)
            process = subprocess.Popen(
                home.command(words) if home else words,
                env=env,
                cwd=self.plan.home_dir,
                stdin=fds[0],
                stdout=fds[1],
                stderr=fds[2],
                start_new_session=True,
            )
            pid = process.pid
            end = asyncio.create_task(end_of(process))
        self._remember(pid)
        forward = interrupt_script if script else forward_signals
        signals = asyncio.create_task(forward(client, pid))
        try:
            return await end
        finally:
            signals.cancel()


def _must_stop(unit: Unit, wanted: Component | None, previous: Plan | None, plan: Plan) -> bool:
    if wanted != unit.component or unit.state == FAILED:
        return True
    if previous is None or unit.component.name in ("postgres", "redis"):
        return False
    name = unit.component.home
    return previous.home_dir != plan.home_dir or previous.home(name) != plan.home(name)


def _like(unit: Unit, plan: Plan) -> Component | None:
    """Return how a worker that leaves would be if the plan still had it; None where it has another one of that name."""
    name = unit.component.name
    others = plan.meant(kind_of(name))
    return others[-1].called(name) if others and name in plan.leaving else None


def _forkserver_key(plan: Plan) -> tuple[Any, ...]:
    return plan.preload_argv, plan.preload, dict(plan.preload_env), plan.home_dir, plan.home(SCHEDULER_HOME)


def _without(env: Any, names: Iterable[str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name not in names}


async def _supervise(run_dir: Path, logs_dir: Path, *, isolated: bool) -> None:
    supervisor = Supervisor(run_dir, logs_dir, isolated=isolated)
    loop = asyncio.get_running_loop()
    terminate = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, terminate.set)
    ended = asyncio.create_task(terminate.wait())
    door = asyncio.create_task(SupervisorSocket(supervisor).open())
    await asyncio.wait({ended, door}, return_when=asyncio.FIRST_COMPLETED)
    if not door.done():
        await supervisor.stop_all(now=False)
    await door
    ended.cancel()


def _reap_until(pid: int) -> int:
    """As process 1: collect whatever ends; return when `pid` did, and with us everything else."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(pid, number))
    while True:
        try:
            ended, status = os.waitpid(-1, 0)
        except InterruptedError:
            continue
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def _detach(run_dir: Path, isolation_wanted: str) -> bool:
    """Leave the launcher: go on in a grandchild, as process 2 of a namespace of our own where Linux allows it.

    Return whether Linux does. The state file names the process, as the launcher sees it, whose end is the end of all.
    """
    why_not = "switched off" if isolation_wanted == NO_ISOLATION else isolation.own_process_namespace()
    pid = os.fork()
    if pid:
        write_state(run_dir, State(pid, time.time(), isolated=not why_not))
        os._exit(0)
    if why_not:
        return False
    isolation.mount_own_proc()
    pid = os.fork()
    if pid:
        os._exit(_reap_until(pid) & 0xFF)
    return True


def main() -> None:
    run_dir, logs_dir, isolation_wanted = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    os.umask(UMASK)
    isolated = _detach(run_dir, isolation_wanted)
    asyncio.run(_supervise(run_dir, logs_dir, isolated=isolated))


if __name__ == "__main__":
    main()
