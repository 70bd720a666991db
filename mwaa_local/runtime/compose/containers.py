"""The containers of one project: listed, made anew, run once, stopped and removed, with their volumes and logs.

What they mean as components of a running environment is `runtime`'s matter.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from mwaa_local.errors import AlreadyRunning, ComponentNotReady, DockerUnavailable, MwaaLocalError, NotRunning
from mwaa_local.event import ENDED, STOPPED, STOPPING, Event
from mwaa_local.naming import kind_of
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.runtime import logfile
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.logs import ContainerLogs
from mwaa_local.runtime.compose.output import DryRun, compose_error, read_dry_run, start_error
from mwaa_local.runtime.compose.state import Failure, StateFile
from mwaa_local.runtime.compose.stored import ComposeProject, Container
from mwaa_local.runtime.compose.view import by_component, component_names
from mwaa_local.runtime.failures import component_error
from mwaa_local.runtime.readiness import describe_exit

NAME_CHARACTERS = 20  # of the folder's name in the Compose project's
POLL_PAUSE_S = 0.2
NOTED_TIMEOUT_S = 5.0  # for the engine's list to show what it has done
REMOVE_TRIES = 3
MAKE = ("up", "--no-start", "--no-build", "--quiet-pull", "--remove-orphans")
MAKE_MORE = ("up", "--no-start", "--no-build", "--no-recreate", "--no-deps")


def compose_name(project: Project) -> str:
    """Return the Compose project's name: readable, and another one for every folder."""
    readable = re.sub(r"[^a-z0-9]+", "-", project.name.lower())[:NAME_CHARACTERS].strip("-")
    return f"mwaa-{readable or 'local'}-{project.id}"


def scale_words(plan: Plan, kinds: Collection[str] = ()) -> list[str]:
    """Return how many containers Compose is to have of each service of these, and of those of which some leave.

    It takes these for containers like all others: where it counted fewer, it would choose one to remove.
    """
    leaving = [kind_of(name) for name in plan.leaving]
    counts = {kind: len(plan.meant(kind)) + leaving.count(kind) for kind in {*kinds, *leaving}}
    return [word for kind, count in sorted(counts.items()) for word in ("--scale", f"{kind}={count}")]


class OwnContainers:
    """One project's containers. `compose` says which file; what there is is found by its name alone."""

    def __init__(self, project: Project, env: Mapping[str, str], compose: ComposeProject | None = None) -> None:
        self.project = project
        self.compose = compose or ComposeProject(compose_name(project))
        self.state_file = StateFile(project.run_dir)
        self.logs = ContainerLogs(project.logs_dir)
        self._env = env
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine. Raises DockerUnavailable when none answers."""
        if self._engine is None:
            self._engine = Engine.open(self._env)
        return self._engine

    def use(self, compose: ComposeProject) -> None:
        """Take this compose file for the starts to come."""
        self.compose = compose

    # Looking.

    def all(self) -> list[Container]:
        """Return the project's containers, remembered or not."""
        return self.engine.containers(self.compose.name)

    def remembered(self) -> list[Container]:
        """Return the containers of an environment that was started here; none where none was."""
        return self.all() if self.state_file.exists else []

    def packages_in_use(self) -> set[str]:
        """Return the keys of the packages with which containers are up now."""
        return {container.packages_key for container in self.all() if container.is_up}

    def remember(self, plan: Plan) -> None:
        """Note the plan that the compose file is about to bring up, by whoever's hand."""
        with self.state_file.changing():
            self.state_file.begin(plan, self.compose)

    def known_plan(self, *, strict: bool = False) -> Plan | None:
        """Return the remembered plan; of another version's, nothing, or AlreadyRunning when `strict`."""
        remembered = self.state_file.read()
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

    # Making.

    def replace_outdated(self, plan: Plan, containers: Sequence[Container], on_event: Callable[[Event], None]) -> None:
        """Have Compose make containers for the plan; what was made from another file stops first, its log is kept."""
        patient = self._patient(plan, containers)
        kinds = sorted({kind_of(name) for name in patient})
        # Compose would make those anew as well: it is not asked about their service.
        others = sorted({kind_of(item.name) for item in plan.components}.difference(kinds)) if kinds else []
        ahead = self._dry_run(others or scale_words(plan)) if containers else DryRun()
        outdated = [item for item in containers if item.name in ahead.replaced and item not in patient.values()]
        self.fetch_logs()
        before = self.known_plan() or plan
        self._ask_to_leave(before, patient)
        alive = [item for item in outdated if item.is_alive]
        self.stop_by_stages(before, alive, now=False, tell=on_event, meanwhile=self.make_way)
        if outdated:
            self.fetch_logs()
            self._remove_surplus(plan, outdated)
        present = by_component(plan, [item for item in containers if item not in outdated])
        plan = plan.without_left(present)
        self.state_file.begin(plan, self.compose)
        are_all_there = len(present) == len(containers) == len(plan.components) + len(plan.leaving)
        if not (are_all_there and ahead.kept == {item.name for item in containers}):
            words = ("--progress", "quiet", *MAKE, *(others or scale_words(plan)))
            self._compose_to_end(self.compose, *words, meanwhile=self.make_way)
        if kinds:
            self.make_more(plan, kinds)

    def _patient(self, plan: Plan, containers: Sequence[Container]) -> dict[str, Container]:
        """Return those that leave and go on although containers of their service are to be made anew."""
        present = by_component(plan, containers) if plan.patient else {}
        return {name: present[name] for name in plan.leaving if name in present}

    def _ask_to_leave(self, before: Plan, names: Mapping[str, Container]) -> None:
        """Tell those to leave that were no such ones before."""
        for component in before.components:
            if (container := names.get(component.name)) is not None:
                self.engine.signal_container(container.id, component.stop_signal)

    def make_more(self, plan: Plan, kinds: Collection[str]) -> None:
        """Have Compose make the containers that these services lack of the plan, and touch no other."""
        words = ("--progress", "quiet", *MAKE_MORE, *scale_words(plan, kinds), *kinds)
        self._compose_to_end(self.compose, *words, meanwhile=self.make_way)

    def _remove_surplus(self, plan: Plan, outdated: Sequence[Container]) -> None:
        """Remove stopped containers that the plan does not have: where Compose chose, the second of two might stay."""
        names = self.names({item.id: (item.service, item.number) for item in outdated})
        for container_id in [key for key, name in names.items() if plan.component(name) is None]:
            self.engine.remove_container(container_id)

    def _dry_run(self, more: Sequence[str]) -> DryRun:
        """Ask Compose what it would do to the containers. Its own hash of a service is not to be had otherwise."""
        done = self.engine.compose(self.compose, "--dry-run", "--progress", "plain", *MAKE, *more)
        return read_dry_run(done.stdout) if done.returncode == 0 else DryRun()

    def make_way(self) -> None:
        if self.state_file.stop_is_wanted():
            raise NotRunning("the environment was stopped while it started", hint="mwaa-local up")

    def run_once(self, service: str, timeout_s: float) -> None:
        """Run a one-time service that depends on nothing to its end, in a container beside those that are there.

        Raises ComponentFailed when it does not end well; what it wrote is in the service's log.
        """
        log = logfile.LogFile(self.project.logs_dir / f"{service}.log")
        deadline = time.monotonic() + timeout_s

        def look() -> None:
            self.make_way()
            if time.monotonic() > deadline:
                raise ComponentNotReady(
                    f"{service} did not end within {timeout_s:g} s", hint=f"mwaa-local logs {service}"
                )

        words = ("--progress", "quiet", "run", "--rm", "--no-deps", "--no-TTY", service)
        with self.state_file.changing(), contextlib.closing(log):
            done = self.engine.compose(
                self.compose, *words, on_line=lambda line: log.write("out", line), meanwhile=look
            )
        if done.returncode != 0:
            ended = Failure("", describe_exit(done.returncode), cause=ENDED)
            raise start_error(done.stdout, {}, self.engine.publisher_of) or self.failure(service, ended)

    def failure(self, name: str, failure: Failure) -> MwaaLocalError:
        self.fetch_logs()
        path = self.project.logs_dir / f"{name}.log"
        return component_error(name, failure.cause, failure.detail, self.logs.tail(name), path)

    # Stopping.

    def stop_by_stages(
        self,
        plan: Plan,
        containers: Sequence[Container],
        *,
        now: bool,
        tell: Callable[[Event], None],
        meanwhile: Callable[[], None],
    ) -> None:
        names = self.names({item.id: (item.service, item.number) for item in containers})
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
            listed = self.engine.listed(self.compose.name)
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

    def remove(self, *, now: bool) -> None:
        """Remove containers and network, going by their labels: the compose file may be gone or another one."""
        by_labels = ComposeProject(self.compose.name)
        for _ in range(REMOVE_TRIES):  # a start that was killed may have left Compose at work
            words = ("down", "--remove-orphans", *(("--timeout", "0") if now else ()))
            self._compose_to_end(by_labels, "--progress", "quiet", *words)
            if not self.all():
                return

    def _compose_to_end(self, compose: ComposeProject, *words: str, meanwhile: Callable[[], None] | None = None) -> str:
        done = self.engine.compose(compose, *words, meanwhile=meanwhile)
        if done.returncode != 0:
            raise compose_error(done.stdout)
        return done.stdout

    # Volumes and image.

    def database_volume(self, airflow_version: str) -> str:
        """Return the name that the compose file gives the volume of a release's database."""
        return f"{self.compose.name}-database-{airflow_version}"

    def remove_unused_volumes(self, name: str, keep: str) -> None:
        """Remove earlier volumes of that name in the compose file; `keep` is the full name of the one in use."""
        for full_name, label in self.engine.volumes(self.compose.name).items():
            if label == name and full_name != keep:
                with contextlib.suppress(DockerUnavailable):  # still held by a container that is being replaced
                    self.engine.remove_volume(full_name)

    def build(self, on_line: Callable[[str], None]) -> subprocess.CompletedProcess[str]:
        """Build the image of the compose file; return how that ended, with all output."""
        return self.engine.compose(self.compose, "--progress", "plain", "build", on_line=on_line)

    # Logs.

    def fetch_logs(self, names: Sequence[str] = ()) -> None:
        """Bring new lines of these components, or of all, into the log files, as far as an engine answers."""
        if not self.state_file.exists and self._engine is None:
            return  # nothing was ever started here, and asking takes its time
        with contextlib.suppress(DockerUnavailable):
            listed = self.engine.listed(self.compose.name)
            known = self.names({key: (item.service, item.number) for key, item in listed.items()})
            wanted = {key: name for key, name in known.items() if not names or name in names}
            self.logs.fetch(self.engine, wanted, {key for key, item in listed.items() if item.is_up})

    def names(self, places: Mapping[str, tuple[str, int]]) -> dict[str, str]:
        """Return {container id: component}; `places` are its service and number."""
        remembered = self.state_file.read()
        known = remembered.names() if remembered else set()
        return component_names(places, known)
