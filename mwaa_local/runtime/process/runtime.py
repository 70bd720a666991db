"""The process runtime: plain processes under a detached supervisor, which later commands find again.

This is the launcher's side. The supervisor is asked over its socket; when it is gone, what it left is cleaned up.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from mwaa_local.database.metadata import RunningTask
from mwaa_local.errors import QUOTED, AlreadyRunning, ComponentFailed, ComponentNotReady, NotRunning
from mwaa_local.event import FAILED, STOPPED, STOPPING, ComponentStatus, Event, LogLine
from mwaa_local.plan import Plan
from mwaa_local.project import MARK_VARIABLE, Project
from mwaa_local.remarks import Remark
from mwaa_local.runtime import logfile
from mwaa_local.runtime.failures import component_error, roots_first
from mwaa_local.runtime.memory import kills_on_machine, memory_of_machine
from mwaa_local.runtime.ports import check_ports
from mwaa_local.runtime.process.client import Command, SupervisorClient
from mwaa_local.runtime.process.homes import remove_homes, remove_temporary
from mwaa_local.runtime.process.own_processes import POLL_PAUSE_S, OwnProcesses, kill_family, kill_largest
from mwaa_local.runtime.process.state import ISOLATION_VARIABLE
from mwaa_local.runtime.protocol import Prepared
from mwaa_local.runtime.usage import Usage
from mwaa_local.wanted import Wanted

if TYPE_CHECKING:
    from mwaa_local.runtime.process.databases import ProcessDatabases

SUPERVISOR_START_TIMEOUT_S = 10.0


class ProcessRuntime:
    """Runs one project's plan as processes."""

    def __init__(self, project: Project, env: Mapping[str, str]) -> None:
        self.project = project
        self._env = env
        self._own = OwnProcesses(project.run_dir)
        self._supervisor = SupervisorClient(project.run_dir)

    @cached_property
    def databases(self) -> ProcessDatabases:
        """The metadata databases of all releases."""
        from mwaa_local.runtime.process.databases import ProcessDatabases  # most commands ask for none

        return ProcessDatabases(self.project, self._env, self.running_plan)

    # The verbs.

    def prepare(self, wanted: Wanted, on_event: Callable[[Event], None]) -> Prepared:
        from mwaa_local.runtime.process.prepare import Preparation  # most commands prepare nothing

        return Preparation(wanted, self.running_plan(), on_event).prepare()

    def start(self, prepared: Prepared, on_event: Callable[[Event], None]) -> tuple[Remark, ...]:
        prepared.set_up()
        try:
            self._make_way(prepared.plan)
        except BaseException:
            prepared.withdraw()
            raise
        self._apply(prepared.plan, on_event)
        remarks = prepared.judge()
        prepared.settle()
        return remarks

    def _make_way(self, plan: Plan) -> None:
        """Have a supervisor that can carry the plan out: one that is being killed takes connections a little longer."""
        answer = self._status()
        if answer is not None:
            before = _plan_in(answer)
            check_ports(plan.ports, before.ports if before else {}, plan.ports_asked)
        else:
            self._own.clean_up()
            check_ports(plan.ports, {}, plan.ports_asked)
            self._launch_supervisor()

    def _apply(self, plan: Plan, on_event: Callable[[Event], None]) -> None:
        statuses = self._supervisor.apply(plan, on_event)
        if statuses is None:
            raise self._supervisor_ended()
        failed = [status for status in statuses if status.state == FAILED]
        for status in roots_first(failed, lambda status: status.cause):
            raise self._failure(status)
        if any(status.state in (STOPPING, STOPPED) for status in statuses):
            raise NotRunning("the environment was stopped while it started", hint="mwaa-local up")

    def grow(self, component: str, count: int) -> Plan:
        from mwaa_local.runtime.process.more_workers import make_homes  # no command does this

        plan = self.running_plan()
        if plan is None:
            raise NotRunning("the environment is not running", hint="mwaa-local up")
        grown = plan.grown(component, count)
        if grown.homes_dir:
            make_homes(self.project, grown, plan)
        return grown

    def resize(self, plan: Plan) -> None:
        from mwaa_local.runtime.process.more_workers import remove_homes_of_others, take_homes_in

        before = self.running_plan()
        if plan.homes_dir and before is not None:
            take_homes_in(self.project, plan, before)
        if self._running_supervisor().resize(plan) is None:
            raise self._supervisor_ended()
        now = self.running_plan()
        if plan.homes_dir and now is not None and not now.leaving:
            remove_homes_of_others(now)

    def busy(self, component: str, tasks: Sequence[RunningTask]) -> frozenset[str]:
        plan = self.running_plan()
        names = frozenset(item.name for item in plan.meant(component)) if plan else frozenset()
        leaders = {item.pid: item.name for item in self.status() if item.pid}
        found = self._own.above([task.pid for task in tasks], leaders)
        # A worker that leaves may have it, too; then it is none of these.
        return names if None in found else names.intersection(name for name in found if name)

    def finish_stop(self, on_event: Callable[[Event], None]) -> None:
        answer = self._status()
        if answer is not None and answer.get("is_stopping"):  # an older version's supervisor does not say
            on_event(Event("environment", "working", detail="is still being stopped; waiting for the end of that"))
            self.stop(on_event=on_event)

    def stop(self, *, now: bool = False, on_event: Callable[[Event], None] | None = None) -> bool:
        running = self.running
        if running:
            self._supervisor.stop(on_event, now=now)
            if self._own.wait_for_end():
                self._own.forget()
                remove_temporary(self.project)
                return True
        cleaned = self._own.clean_up()
        remove_temporary(self.project)
        return cleaned or running

    def status(self) -> list[ComponentStatus]:
        answer = self._status()
        if answer is None:
            return []
        statuses = [ComponentStatus(**plain) for plain in answer["status"]]
        outer = self._own.outer_pids()
        # One that died just now has no pid out here any more; the inner number could be anyone's.
        return statuses if outer is None else [replace(item, pid=outer.get(item.pid or 0)) for item in statuses]

    def kill(self, component: str) -> str | None:
        plan = self.running_plan()
        names = {item.name for item in plan.meant(component)} if plan else set()
        running = (item for item in self.status() if item.name in names and item.pid)
        return next((item.name for item in running if kill_family(item.pid or 0)), None)

    def kill_largest(self, component: str) -> str | None:
        plan = self.running_plan()
        names = {item.name for item in plan.meant(component)} if plan else set()
        return kill_largest({item.pid: item.name for item in self.status() if item.name in names and item.pid})

    def logs(self, names: Sequence[str], *, follow: bool, from_end: bool = False) -> Iterator[LogLine]:
        paths = logfile.chosen(self.project.logs_dir, names)
        return logfile.read(paths, follow=follow, from_end=from_end)

    def run(
        self,
        component: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        script: Path | None = None,
    ) -> int:
        """Run a command or a program of ours; whatever the signal of a terminal, the program gets SIGINT."""
        command = Command(component, argv, env or {}, str(script or ""))
        return self._running_supervisor().run(command, pass_signals=True)

    def capture(self, component: str, argv: Sequence[str], script: Path | None = None) -> tuple[int, str]:
        """Run an Airflow command as `run` does; return its exit code and output, lines of both streams mixed.

        A signal is for the caller: what it raises ends the command.
        """
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output,
            Path(os.devnull).open() as nothing,
        ):
            fds = (nothing.fileno(), output.fileno(), output.fileno())
            command = Command(component, argv, script=str(script or ""))
            exit_code = self._running_supervisor().run(command, fds, pass_signals=False)
            output.seek(0)
            return exit_code, output.read()

    def memory_bytes(self) -> int | None:
        return memory_of_machine()

    def usage(self) -> dict[str, Usage]:
        from mwaa_local.runtime.process.usage import usages  # most commands ask for none

        return usages(self._own.all(), {item.name: item.pid for item in self.status() if item.pid})

    def memory_kills(self) -> int | None:
        return kills_on_machine()

    def remove_data(self) -> None:
        for version in self.databases.versions():
            self.databases.remove(version)
        for folder in (self.project.database_dir, self._queue_dir, self.project.state_dir / "packages"):
            shutil.rmtree(folder, ignore_errors=True)
        remove_homes(self.project)

    def remove_queue(self) -> None:
        shutil.rmtree(self._queue_dir, ignore_errors=True)

    def remove_database(self, airflow_version: str) -> None:
        self.databases.remove(airflow_version)
        shutil.rmtree(self._queue_dir, ignore_errors=True)

    @property
    def _queue_dir(self) -> Path:
        return self.project.state_dir / "broker"

    # Looking.

    @property
    def running(self) -> bool:
        """Whether the supervisor lives and answers."""
        return self._own.first is not None and self._supervisor.answers

    @property
    def was_cut_off(self) -> bool:
        """Whether a supervisor left its state behind."""
        return self._own.is_remembered and not self.running

    def running_plan(self) -> Plan | None:
        answer = self._status()
        return _plan_in(answer) if answer else None

    def processes(self) -> list[psutil.Process]:
        """Return every process of the environment, the supervisor first."""
        return self._own.all()

    def leftovers(self) -> list[psutil.Process]:
        """Return the processes of this environment that nobody looks after."""
        return self._own.leftovers()

    def _status(self) -> dict[str, Any] | None:
        return self._supervisor.status() if self.running else None

    def _running_supervisor(self) -> SupervisorClient:
        if not self.running:
            raise NotRunning("the environment is not running", hint="mwaa-local up")
        return self._supervisor

    # Starting.

    def _launch_supervisor(self) -> None:
        self.project.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        log_path = self._supervisor_log_path
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("ab") as log:
            subprocess.run(
                [
                    *(sys.executable, "-m", "mwaa_local.runtime.process.supervisor"),
                    *(self.project.run_dir, self.project.logs_dir, self._env.get(ISOLATION_VARIABLE, "")),
                ],
                env={**self._env, MARK_VARIABLE: str(self.project.run_dir)},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=False,
            )
        deadline = time.monotonic() + SUPERVISOR_START_TIMEOUT_S
        while not self.running:
            if time.monotonic() > deadline:
                raise ComponentNotReady(
                    f"the supervisor did not answer within {SUPERVISOR_START_TIMEOUT_S:.0f} s",
                    "\n".join(_last_lines(log_path)) or "It wrote nothing.",
                    f"see {log_path}",
                )
            time.sleep(POLL_PAUSE_S)

    @property
    def _supervisor_log_path(self) -> Path:
        return self.project.logs_dir / "supervisor.out"

    def _supervisor_ended(self) -> ComponentFailed:
        path = self._supervisor_log_path
        lines = "\n".join(f"{QUOTED}{line}" for line in _last_lines(path))
        return ComponentFailed(
            "the supervisor ended while it started the environment",
            f"Its last lines:\n{lines}\nThe whole log: {path}",
            "`mwaa-local up` cleans up and starts again",
        )

    def _failure(self, status: ComponentStatus) -> ComponentFailed | ComponentNotReady:
        path = self.project.logs_dir / f"{status.name}.log"
        return component_error(status.name, status.cause, status.detail, logfile.tail(path), path)


def _plan_in(answer: Mapping[str, Any]) -> Plan | None:
    """Return the plan that the supervisor follows; None before its first. Raises AlreadyRunning for one unreadable."""
    if not answer["plan"]:
        return None
    try:
        return Plan.from_json(answer["plan"])
    except (TypeError, KeyError) as error:
        raise AlreadyRunning(
            "another version of mwaa-local started this environment",
            f"Its plan is not understood: {error}.",
            "mwaa-local down, then mwaa-local up",
        ) from error


def _last_lines(path: Path) -> list[str]:
    """Return the last lines of a file without times; nothing when there is none."""
    try:
        return path.read_text(errors="replace").splitlines()[-logfile.TAIL_LINES :]
    except OSError:
        return []
