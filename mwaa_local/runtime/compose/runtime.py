"""The Docker runtime: one Compose project per project folder, with a container for each component of the plan.

Compose makes containers from the compose file and removes them. They are started one by one as those they depend on
become ready: `docker compose up` would run finished one-time services again, and stop at the first that fails.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from mwaa_local.errors import (
    AlreadyRunning,
    ComponentNotReady,
    ComponentUnknown,
    DockerUnavailable,
    MwaaLocalError,
    NotRunning,
)
from mwaa_local.event import ENDED, STOPPED, STOPPING, ComponentStatus, Event, LogLine
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.remarks import Remark
from mwaa_local.runtime import logfile
from mwaa_local.runtime.compose.command import run_in_container
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.logs import ContainerLogs
from mwaa_local.runtime.compose.output import DryRun, compose_error, read_dry_run, refusal, start_error
from mwaa_local.runtime.compose.state import Failure, StateFile
from mwaa_local.runtime.compose.stored import ComposeProject, Container
from mwaa_local.runtime.compose.view import ReadyContainers, by_component, component_names, status_of
from mwaa_local.runtime.compose.watch import Watch
from mwaa_local.runtime.failures import component_error
from mwaa_local.runtime.memory import CONTAINER_ARGV, kills_in
from mwaa_local.runtime.ports import check_ports
from mwaa_local.runtime.protocol import Prepared
from mwaa_local.runtime.readiness import describe_exit
from mwaa_local.wanted import Wanted

NAME_CHARACTERS = 20  # of the folder's name in the Compose project's
WORKER_SERVICE = "worker"
POLL_PAUSE_S = 0.2
ENDS_TIMEOUT_S = 1.0
NOTED_TIMEOUT_S = 5.0  # for the engine's list to show what it has done
KILLED_EXIT_CODE = 137  # what a command gets when its container ends
REMOVE_TRIES = 3
MAKE = ("up", "--no-start", "--no-build", "--quiet-pull", "--remove-orphans")


def compose_name(project: Project) -> str:
    """Return the Compose project's name: readable, and another one for every folder."""
    readable = re.sub(r"[^a-z0-9]+", "-", project.name.lower())[:NAME_CHARACTERS].strip("-")
    return f"mwaa-{readable or 'local'}-{project.id}"


class ComposeRuntime:
    """Runs one project's plan as containers. `compose` says which file; what runs is found by its name alone."""

    def __init__(self, project: Project, env: Mapping[str, str], compose: ComposeProject | None = None) -> None:
        self.project = project
        self._env = env
        self._compose = compose or ComposeProject(compose_name(project))
        self._state_file = StateFile(project.run_dir)
        self._logs = ContainerLogs(project.logs_dir)
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine. Raises DockerUnavailable when none answers."""
        if self._engine is None:
            self._engine = Engine.open(self._env)
        return self._engine

    def use(self, compose: ComposeProject) -> None:
        """Take this compose file for the starts to come."""
        self._compose = compose

    # The verbs.

    def prepare(self, wanted: Wanted, on_event: Callable[[Event], None]) -> Prepared:
        from mwaa_local.runtime.compose.prepare import ContainerPreparation  # most commands prepare nothing

        return ContainerPreparation(wanted, self.running_plan(), on_event, self).prepare()

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

    def _start(self, plan: Plan, on_event: Callable[[Event], None], *more: str) -> None:
        """Carry out a plan; `more` is what Compose is told of it beside its file."""
        with self._state_file.changing():
            containers = self.containers()
            before = self._state_file.read()
            ours = {str(port): port for container in containers for port in container.ports}
            if before and containers:
                ours |= dict(before.plan.get("ports", {}))
            check_ports(plan.ports, ours, plan.ports_asked)
            self._replace_outdated(plan, containers, on_event, more)
            failures = self._start_and_watch(plan, on_event)
        for name, failure in failures.items():
            refused = refusal(failure, plan.ports, self.engine.publisher_of, plan.ports_asked)
            raise refused or self._failure(name, failure)

    def scale(self, component: str, count: int, on_event: Callable[[Event], None]) -> None:
        plan, remembered = self.running_plan(), self._state_file.read()
        if plan is None or remembered is None:
            raise NotRunning("the environment is not running", hint="mwaa-local up")
        self.use(remembered.compose)
        self._start(plan.scaled(component, count), on_event, "--scale", f"{component}={count}")

    def stop(self, *, now: bool = False, on_event: Callable[[Event], None] | None = None) -> bool:
        try:
            containers = self.containers()
        except DockerUnavailable:
            if self._state_file.exists:
                raise
            return False
        if not containers and not self._state_file.exists:
            return False
        with self._state_file.stopping(), self._state_file.changing():
            containers = self.containers()
            alive = [container for container in containers if container.is_alive]
            plan = self._known_plan()
            if plan is not None:  # else Compose knows from its labels who depends on whom
                self._stop_by_stages(plan, alive, now=now, tell=on_event or (lambda _: None), meanwhile=lambda: None)
            self._fetch_logs()
            self._remove_containers(now=now)
            self._state_file.forget()
            return bool(alive)

    def status(self) -> list[ComponentStatus]:
        remembered, plan, containers = self._state_file.read(), self._known_plan(), self._remembered_containers()
        if remembered is None or plan is None or not containers:
            return []
        readiness = ReadyContainers(plan, self.engine, dict(remembered.ready))
        present = by_component(plan, containers)
        try:
            return [
                status_of(
                    component,
                    present.get(component.name),
                    remembered.failed.get(component.name),
                    readiness,
                    self.engine,
                )
                for component in plan.components
            ]
        finally:
            readiness.close()
            with self._state_file.changing(wait=False) as mine:
                if mine:
                    self._state_file.note_ready(readiness.ready)

    def logs(self, names: Sequence[str], *, follow: bool, from_end: bool = False) -> Iterator[LogLine]:
        self._fetch_logs()
        paths = logfile.chosen(self.project.logs_dir, names)
        only = tuple(paths) if names else ()
        return self._logs.read(paths, lambda: self._fetch_logs(only), follow=follow, from_end=from_end)

    def run(self, component: str, argv: Sequence[str], env: Mapping[str, str] | None = None) -> int:
        container, words = self._command(component, argv)
        exit_code = run_in_container(self.engine, container.id, words, env or {})
        if exit_code == KILLED_EXIT_CODE and self._ends(container):
            raise NotRunning("the environment stopped while the command ran", hint="mwaa-local up")
        return exit_code

    def capture(self, component: str, argv: Sequence[str]) -> tuple[int, str]:
        """Run an Airflow command as `run` does; return its exit code and output, lines of both streams mixed."""
        container, words = self._command(component, argv)
        return self.engine.exec(container.id, words)

    # Looking.

    @property
    def running(self) -> bool:
        """Whether there are containers of a remembered environment."""
        return bool(self._state_file.read() and self._remembered_containers())

    def running_plan(self) -> Plan | None:
        if not self.running:
            return None
        plan = self._known_plan(strict=True)
        assert plan is not None
        return plan

    def containers(self) -> list[Container]:
        """Return the project's containers, remembered or not."""
        return self.engine.containers(self._compose.name)

    def packages_in_use(self) -> set[str]:
        """Return the keys of the packages with which containers are up now."""
        return {container.packages_key for container in self.containers() if container.is_up}

    def remember(self, plan: Plan) -> None:
        """Note the plan that the compose file is about to bring up, by whoever's hand."""
        with self._state_file.changing():
            self._state_file.begin(plan, self._compose)

    def _remembered_containers(self) -> list[Container]:
        return self.containers() if self._state_file.exists else []

    def _known_plan(self, *, strict: bool = False) -> Plan | None:
        """Return the remembered plan; of another version's, nothing, or AlreadyRunning when `strict`."""
        remembered = self._state_file.read()
        if remembered is None:
            return None
        try:
            return Plan.from_json(remembered.plan)
        except (TypeError, KeyError) as error:
            if not strict:
                return None
            raise AlreadyRunning(
                "another version of mwaa-local started this environment",
                f"Its plan is not understood: {error}.",
                "mwaa-local down, then mwaa-local up",
            ) from error

    def _command(self, component: str, argv: Sequence[str]) -> tuple[Container, list[str]]:
        """Return where and how an Airflow command runs in that component's environment."""
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
                return container, [*item.command_argv, *argv]
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

    # Starting.

    def _replace_outdated(
        self, plan: Plan, containers: Sequence[Container], on_event: Callable[[Event], None], more: Sequence[str]
    ) -> None:
        """Have Compose make containers for the plan; what was made from another file stops first, its log is kept."""
        ahead = self._dry_run(more) if containers else DryRun()
        outdated = [item for item in containers if item.name in ahead.replaced]
        self._fetch_logs()
        self._stop_by_stages(
            self._known_plan() or plan,
            [item for item in outdated if item.is_alive],
            now=False,
            tell=on_event,
            meanwhile=self._make_way,
        )
        if outdated:
            self._fetch_logs()
            self._remove_surplus(plan, outdated)
        self._state_file.begin(plan, self._compose)
        present = by_component(plan, containers)
        are_all_there = len(present) == len(containers) == len(plan.components)
        if not (are_all_there and ahead.kept == {item.name for item in containers}):
            self._compose_to_end(self._compose, "--progress", "quiet", *MAKE, *more, meanwhile=self._make_way)

    def _remove_surplus(self, plan: Plan, outdated: Sequence[Container]) -> None:
        """Remove stopped containers that the plan does not have: where Compose chose, the second of two might stay."""
        names = self._names({item.id: (item.service, item.number) for item in outdated})
        for container_id in [key for key, name in names.items() if plan.component(name) is None]:
            self.engine.remove_container(container_id)

    def _dry_run(self, more: Sequence[str]) -> DryRun:
        """Ask Compose what it would do to the containers. Its own hash of a service is not to be had otherwise."""
        done = self.engine.compose(self._compose, "--dry-run", "--progress", "plain", *MAKE, *more)
        return read_dry_run(done.stdout) if done.returncode == 0 else DryRun()

    def _start_and_watch(self, plan: Plan, on_event: Callable[[Event], None]) -> Mapping[str, Failure]:
        remembered = self._state_file.read()
        readiness = ReadyContainers(plan, self.engine, dict(remembered.ready) if remembered else {})
        try:
            with self.engine.changes(self._compose.name) as changes:
                watch = Watch(self.engine, plan, self.containers(), readiness, self._state_file, on_event)
                watch.run(changes)
        finally:
            readiness.close()
        return watch.failures()

    def _make_way(self) -> None:
        if self._state_file.stop_is_wanted():
            raise NotRunning("the environment was stopped while it started", hint="mwaa-local up")

    def _failure(self, name: str, failure: Failure) -> MwaaLocalError:
        self._fetch_logs()
        path = self.project.logs_dir / f"{name}.log"
        return component_error(name, failure.cause, failure.detail, self._logs.tail(name), path)

    def run_once(self, service: str, timeout_s: float) -> None:
        """Run a one-time service that depends on nothing to its end, in a container beside those that are there.

        Raises ComponentFailed when it does not end well; what it wrote is in the service's log.
        """
        log = logfile.LogFile(self.project.logs_dir / f"{service}.log")
        deadline = time.monotonic() + timeout_s

        def look() -> None:
            self._make_way()
            if time.monotonic() > deadline:
                raise ComponentNotReady(
                    f"{service} did not end within {timeout_s:g} s", hint=f"mwaa-local logs {service}"
                )

        words = ("--progress", "quiet", "run", "--rm", "--no-deps", "--no-TTY", service)
        with self._state_file.changing(), contextlib.closing(log):
            done = self.engine.compose(
                self._compose, *words, on_line=lambda line: log.write("out", line), meanwhile=look
            )
        if done.returncode != 0:
            ended = Failure("", describe_exit(done.returncode), cause=ENDED)
            raise start_error(done.stdout, {}, self.engine.publisher_of) or self._failure(service, ended)

    # Stopping.

    def _stop_by_stages(
        self,
        plan: Plan,
        containers: Sequence[Container],
        *,
        now: bool,
        tell: Callable[[Event], None],
        meanwhile: Callable[[], None],
    ) -> None:
        names = self._names({item.id: (item.service, item.number) for item in containers})
        stages = {component.name: component.stop_stage for component in plan.components}
        stage_of = {container_id: stages.get(name, 0) for container_id, name in names.items()}
        for stage in sorted(set(stage_of.values())):
            members = {key: name for key, name in names.items() if stage_of[key] == stage}
            self._stop_together(members, now=now, tell=tell, meanwhile=meanwhile)

    def _stop_together(
        self, names: Mapping[str, str], *, now: bool, tell: Callable[[Event], None], meanwhile: Callable[[], None]
    ) -> None:
        for name in names.values():
            tell(Event(name, STOPPING))
        began = time.monotonic()
        left = dict(names)

        def look() -> None:
            meanwhile()
            listed = self.engine.listed(self._compose.name)
            for container_id in [item for item in left if item not in listed or not listed[item].is_up]:
                tell(Event(left.pop(container_id), STOPPED, time.monotonic() - began))

        done = self.engine.stop(list(names), now=now, meanwhile=look)
        deadline = time.monotonic() + NOTED_TIMEOUT_S
        look()
        while left and time.monotonic() < deadline:
            time.sleep(POLL_PAUSE_S)
            look()
        if left:
            raise DockerUnavailable(
                f"Docker could not stop {', '.join(left.values())}", done.stdout, "see the Docker engine's own log"
            )

    def _remove_containers(self, *, now: bool) -> None:
        """Remove containers and network, going by their labels: the compose file may be gone or another one."""
        by_labels = ComposeProject(self._compose.name)
        for _ in range(REMOVE_TRIES):  # a start that was killed may have left Compose at work
            words = ("down", "--remove-orphans", *(("--timeout", "0") if now else ()))
            self._compose_to_end(by_labels, "--progress", "quiet", *words)
            if not self.containers():
                return

    def _compose_to_end(self, compose: ComposeProject, *words: str, meanwhile: Callable[[], None] | None = None) -> str:
        done = self.engine.compose(compose, *words, meanwhile=meanwhile)
        if done.returncode != 0:
            raise compose_error(done.stdout)
        return done.stdout

    # Volumes and image.

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
        for name in self.engine.volumes(self._compose.name):
            self.engine.remove_volume(name)

    def remove_database(self, airflow_version: str) -> None:
        for name, label in self.engine.volumes(self._compose.name).items():
            if name == self.database_volume(airflow_version) or label == "queue":
                self.engine.remove_volume(name)

    def database_volume(self, airflow_version: str) -> str:
        """Return the name that the compose file gives the volume of a release's database."""
        return f"{self._compose.name}-database-{airflow_version}"

    def remove_unused_volumes(self, name: str, keep: str) -> None:
        """Remove earlier volumes of that name in the compose file; `keep` is the full name of the one in use."""
        for full_name, label in self.engine.volumes(self._compose.name).items():
            if label == name and full_name != keep:
                with contextlib.suppress(DockerUnavailable):  # still held by a container that is being replaced
                    self.engine.remove_volume(full_name)

    def build(self, on_line: Callable[[str], None]) -> subprocess.CompletedProcess[str]:
        """Build the image of the compose file; return how that ended, with all output."""
        return self.engine.compose(self._compose, "--progress", "plain", "build", on_line=on_line)

    # Logs.

    def _fetch_logs(self, names: Sequence[str] = ()) -> None:
        """Bring new lines of these components, or of all, into the log files, as far as an engine answers."""
        if not self._state_file.exists and self._engine is None:
            return  # nothing was ever started here, and asking takes its time
        with contextlib.suppress(DockerUnavailable):
            listed = self.engine.listed(self._compose.name)
            known = self._names({key: (item.service, item.number) for key, item in listed.items()})
            wanted = {key: name for key, name in known.items() if not names or name in names}
            self._logs.fetch(self.engine, wanted, {key for key, item in listed.items() if item.is_up})

    def _names(self, places: Mapping[str, tuple[str, int]]) -> dict[str, str]:
        """Return {container id: component}; `places` are its service and number."""
        remembered = self._state_file.read()
        known = remembered.names() if remembered else set()
        return component_names(places, known)
