"""The Docker runtime: one Compose project per project folder, with a container for each component of the plan.

Compose makes containers from the compose file and removes them. They are started one by one as those they depend on
become ready: `docker compose up` would run finished one-time services again, and stop at the first that fails.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mwaa_local.database.metadata import RunningTask
from mwaa_local.errors import ComponentUnknown, DockerUnavailable, MwaaLocalError, NotRunning
from mwaa_local.event import ComponentStatus, Event, LogLine
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.remarks import Remark
from mwaa_local.runtime import logfile
from mwaa_local.runtime.compose.command import capture_in_container, run_in_container
from mwaa_local.runtime.compose.containers import OwnContainers
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.output import refusal
from mwaa_local.runtime.compose.resizing import leaving_statuses, name_on_host, resize, tidied
from mwaa_local.runtime.compose.script import script_argv
from mwaa_local.runtime.compose.state import Failure
from mwaa_local.runtime.compose.stored import ComposeProject, Container
from mwaa_local.runtime.compose.usage import usage_from
from mwaa_local.runtime.compose.view import ReadyContainers, by_component, status_of
from mwaa_local.runtime.compose.watch import Watch
from mwaa_local.runtime.memory import CONTAINER_ARGV, kills_in
from mwaa_local.runtime.ports import check_ports
from mwaa_local.runtime.protocol import Prepared
from mwaa_local.runtime.usage import Usage
from mwaa_local.wanted import Wanted

if TYPE_CHECKING:
    from mwaa_local.runtime.compose.databases import ComposeDatabases

WORKER_SERVICE = "worker"
POLL_PAUSE_S = 0.2
ENDS_TIMEOUT_S = 1.0
KILL_ALL_ARGV = ("/bin/sh", "-c", "kill -KILL -1")  # what the container's user may kill, but for `init`
# Those that the container's first process began are spared: the component itself, which is small beside its tasks.
_KILL_LARGEST_SCRIPT = """
largest=$(awk -v shell=$$ '/^Pid:/ {pid = $2} /^PPid:/ {parent = $2}
  /^VmRSS:/ && parent > 1 && parent != shell && $2 > most {most = $2; largest = pid}
  END {print largest}' /proc/[0-9]*/status 2>/dev/null)
[ -n "$largest" ] && kill -KILL "$largest"
"""
KILL_LARGEST_ARGV = ("/bin/sh", "-c", _KILL_LARGEST_SCRIPT)
KILLED_EXIT_CODE = 137  # what a command gets when its container ends


class ComposeRuntime:
    """Runs one project's plan as containers. `compose` says which file; what runs is found by its name alone."""

    def __init__(self, project: Project, env: Mapping[str, str], compose: ComposeProject | None = None) -> None:
        self.project = project
        self._env = env
        self.own = OwnContainers(project, env, compose)

    @property
    def engine(self) -> Engine:
        """The engine. Raises DockerUnavailable when none answers."""
        return self.own.engine

    @cached_property
    def databases(self) -> ComposeDatabases:
        """The metadata databases of all releases."""
        from mwaa_local.runtime.compose.databases import ComposeDatabases  # most commands ask for none

        return ComposeDatabases(self.project, self._env, self.own)

    # The verbs.

    def prepare(self, wanted: Wanted, on_event: Callable[[Event], None]) -> Prepared:
        from mwaa_local.runtime.compose.prepare import ContainerPreparation  # most commands prepare nothing

        return ContainerPreparation(wanted, self.running_plan(), on_event, self.own).prepare()

    def start(self, prepared: Prepared, on_event: Callable[[Event], None]) -> tuple[Remark, ...]:
        try:
            prepared.set_up()
            self._start(prepared.plan, on_event)
        except MwaaLocalError:
            prepared.judge()  # where the startup script is the cause, that is what to say
            raise
        remarks = prepared.judge()
        prepared.settle()
        return remarks

    def _start(self, plan: Plan, on_event: Callable[[Event], None]) -> None:
        with self.own.state_file.changing():
            self.databases.tidy()
            plan = tidied(self.own, plan)
            containers = self.containers()
            before = self.own.state_file.read()
            ours = {str(port): port for container in containers for port in container.ports}
            if before and containers:
                ours |= dict(before.plan.get("ports", {}))
            check_ports(plan.ports, ours, plan.ports_asked)
            self.own.replace_outdated(plan, containers, on_event)
            failures = self._start_and_watch(plan, on_event)
        for name, failure in failures.items():
            refused = refusal(failure, plan.ports, self.engine.publisher_of, plan.ports_asked)
            raise refused or self.own.failure(name, failure)

    def _start_and_watch(self, plan: Plan, on_event: Callable[[Event], None]) -> Mapping[str, Failure]:
        remembered = self.own.state_file.read()
        readiness = ReadyContainers(plan, self.engine, dict(remembered.ready) if remembered else {})
        try:
            with self.engine.changes(self.own.compose.name) as changes:
                watch = Watch(self.engine, plan, self.containers(), readiness, self.own.state_file, on_event)
                watch.run(changes)
        finally:
            readiness.close()
        return watch.failures()

    def grow(self, component: str, count: int) -> Plan:
        plan = self.running_plan()
        if plan is None:
            raise NotRunning("the environment is not running", hint="mwaa-local up")
        return plan.grown(component, count)

    def resize(self, plan: Plan) -> None:
        with self.own.state_file.changing():
            before, remembered = self.running_plan(), self.own.state_file.read()
            if before is None or remembered is None:
                raise NotRunning("the environment is not running", hint="mwaa-local up")
            self.own.use(remembered.compose)
            resize(self.own, before, plan)

    def busy(self, component: str, tasks: Sequence[RunningTask]) -> frozenset[str]:
        plan = self.running_plan()
        if plan is None:
            return frozenset()
        containers = by_component(plan, self.containers())
        names = frozenset(item.name for item in plan.meant(component))
        found = {name_on_host(task.host, containers) for task in tasks}
        return names if None in found else names.intersection(name for name in found if name)

    def finish_stop(self, on_event: Callable[[Event], None]) -> None:
        """Nothing stops containers but a command, and it ends with the command."""

    def stop(self, *, now: bool = False, on_event: Callable[[Event], None] | None = None) -> bool:
        try:
            containers = self.containers()
        except DockerUnavailable:
            if self.own.state_file.exists:
                raise
            return False
        if not containers and not self.own.state_file.exists:
            return False
        with self.own.state_file.stopping(), self.own.state_file.changing():
            containers = self.containers()
            alive = [container for container in containers if container.is_alive]
            plan = self.own.known_plan()
            if plan is not None:  # else Compose knows from its labels who depends on whom
                self.own.stop_by_stages(plan, alive, now=now, tell=on_event or (lambda _: None), meanwhile=lambda: None)
            self.own.fetch_logs()
            self.own.remove(now=now)
            self.own.state_file.forget()
            return bool(alive)

    def status(self) -> list[ComponentStatus]:
        remembered, plan, containers = self.own.state_file.read(), self.own.known_plan(), self.own.remembered()
        if remembered is None or plan is None or not containers:
            return []
        readiness = ReadyContainers(plan, self.engine, dict(remembered.ready))
        present = by_component(plan, containers)
        try:
            return [
                *(
                    status_of(
                        component,
                        present.get(component.name),
                        remembered.failed.get(component.name),
                        readiness,
                        self.engine,
                    )
                    for component in plan.components
                ),
                *leaving_statuses(plan, present),
            ]
        finally:
            readiness.close()
            with self.own.state_file.changing(wait=False) as mine:
                if mine:
                    self.own.state_file.note_ready(readiness.ready)

    def kill(self, component: str) -> str | None:
        """As told by the protocol. The engine would not start again a container that itself was told to kill."""
        plan = self.running_plan()
        containers = by_component(plan, self.containers()) if plan else {}
        for item in plan.meant(component) if plan else ():
            container = containers.get(item.name)
            if container is not None and container.is_up:
                with contextlib.suppress(NotRunning):  # as soon as it has worked, there is no container to ask
                    self.engine.exec(container.id, KILL_ALL_ARGV)
                return item.name
        return None

    def kill_largest(self, component: str) -> str | None:
        plan = self.running_plan()
        containers = by_component(plan, self.containers()) if plan else {}
        for item in plan.meant(component) if plan else ():
            container = containers.get(item.name)
            if container is not None and container.is_up:
                with contextlib.suppress(NotRunning):  # it ended just now
                    if self.engine.exec(container.id, KILL_LARGEST_ARGV)[0] == 0:
                        return item.name
        return None

    def logs(self, names: Sequence[str], *, follow: bool, from_end: bool = False) -> Iterator[LogLine]:
        self.own.fetch_logs()
        paths = logfile.chosen(self.project.logs_dir, names)
        only = tuple(paths) if names else ()
        return self.own.logs.read(paths, lambda: self.own.fetch_logs(only), follow=follow, from_end=from_end)

    def run(
        self,
        component: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        script: Path | None = None,
    ) -> int:
        container, words = self._command(component, argv, script)
        exit_code = run_in_container(self.engine, container.id, words, env or {}, is_ours=script is not None)
        if exit_code == KILLED_EXIT_CODE and self._ends(container):
            raise NotRunning("the environment stopped while the command ran", hint="mwaa-local up")
        return exit_code

    def capture(self, component: str, argv: Sequence[str], script: Path | None = None) -> tuple[int, str]:
        """Run an Airflow command as `run` does; return its exit code and output, lines of both streams mixed."""
        container, words = self._command(component, argv, script)
        return capture_in_container(self.engine, container.id, words)

    # Looking.

    @property
    def running(self) -> bool:
        """Whether there are containers of a remembered environment."""
        return bool(self.own.state_file.read() and self.own.remembered())

    @property
    def was_cut_off(self) -> bool:
        """Whether containers were seen to be ready and all are gone; `mwaa-local env` alone has started none."""
        remembered = self.own.state_file.read()
        return bool(remembered and remembered.ready) and not self.own.all()

    def running_plan(self) -> Plan | None:
        if not self.running:
            return None
        plan = self.own.known_plan(strict=True)
        assert plan is not None
        return plan

    def containers(self) -> list[Container]:
        """Return the project's containers, remembered or not."""
        return self.own.all()

    def _command(self, component: str, argv: Sequence[str], script: Path | None = None) -> tuple[Container, list[str]]:
        """Return where and how an Airflow command, or a program of ours, runs in that component's environment."""
        program = script_argv(script) if script else ()
        plan = self.running_plan()
        if plan is None:
            raise NotRunning("the environment is not running", hint="mwaa-local up")
        wanted = [item for item in plan.meant(component) if item.airflow_argv]
        if not wanted:
            able = ", ".join(item.name for item in plan.components if item.airflow_argv)
            raise ComponentUnknown(
                f"cannot run in component {component!r}", f"Airflow commands can run in: {able or 'none'}."
            )
        containers = by_component(plan, self.containers())
        for item in wanted:
            container = containers.get(item.name)
            if container is not None and container.is_up:
                # What runs a command there ends with `airflow`, in the place of which a program has its interpreter.
                return container, [*(item.command_argv[:-1] if script else item.command_argv), *program, *argv]
        raise NotRunning(f"the {component} is not running", "Commands run in its container.", "mwaa-local status")

    def _ends(self, container: Container) -> bool:
        """Say whether the container has ended, or does within a moment: what runs in it ends first."""
        deadline = time.monotonic() + ENDS_TIMEOUT_S
        while True:
            now = self.engine.container(container.id)
            if now is None or not now.is_up or now.started != container.started:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_PAUSE_S)

    # Memory and volumes.

    def memory_bytes(self) -> int | None:
        return self.engine.memory_total_bytes()

    def usage(self) -> dict[str, Usage]:
        plan = self.running_plan()
        found = by_component(plan, self.containers()) if plan else {}
        stats = {name: self.engine.stats(item.id) for name, item in found.items() if item.is_up}
        return {name: usage for name, plain in stats.items() if (usage := usage_from(plain))}

    def memory_kills(self) -> int | None:
        """Ask the containers of workers, where tasks run. One that was started again counts from nothing."""
        counts = []
        for container in self.containers():
            if container.service == WORKER_SERVICE and container.is_up:
                with contextlib.suppress(NotRunning):  # it ended just now
                    counts.append(kills_in(self.engine.exec(container.id, CONTAINER_ARGV)[1]))
        known = [count for count in counts if count is not None]
        return sum(known) if known else None

    def remove_data(self) -> None:
        self.databases.tidy()
        for name in self.engine.volumes(self.own.compose.name):
            self.engine.remove_volume(name)

    def remove_queue(self) -> None:
        for name, label in self.engine.volumes(self.own.compose.name).items():
            if label == "queue":
                self.engine.remove_volume(name)

    def remove_database(self, airflow_version: str) -> None:
        self.databases.tidy()
        for name, label in self.engine.volumes(self.own.compose.name).items():
            if name == self.own.database_volume(airflow_version) or label == "queue":
                self.engine.remove_volume(name)
