"""Bring one environment up, apply changes to it, take it down: whoever asks, a command, a test or a server.

No console and no command line: what happens is told through callbacks; methods return, or raise what is wrong. Whoever
changes something holds `Workspace.exclusive()` meanwhile, since some have more to do under it than a lifecycle knows.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mwaa_local.environment.chosen_release import forget_chosen, note_chosen, note_last, release_remarks
from mwaa_local.errors import AlreadyRunning, ComponentFailed, ComponentUnknown, StartupScriptFailed
from mwaa_local.event import FINISHED, ComponentStatus, Event, amiss
from mwaa_local.observer.launch import ask_to_end, begin_observer, wait_for_end
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.remarks import WARNING, Remark, load_remarks, remarks_time
from mwaa_local.runtime.choice import DOCKER, Choice, choose, open_runtime, runs_as_processes
from mwaa_local.runtime.protocol import Prepared, Runtime
from mwaa_local.scaling.bounds import scheduler_remarks
from mwaa_local.startup.not_run import script_remarks
from mwaa_local.wanted import Wanted
from mwaa_local.workspace import Workspace

if TYPE_CHECKING:  # stopping, for one, needs none of it
    from mwaa_local.airflow import Figures
    from mwaa_local.check.requirements.early import EarlyCheck
    from mwaa_local.environment.environment import Environment
    from mwaa_local.release import Release
    from mwaa_local.runtime.compose.by_hand import Written
    from mwaa_local.services.seeding import Answer

AWS_LOCAL, AWS_PROFILE = "local", "profile"  # of `Local: {Aws: …}`
PYTHON_CACHE = "__pycache__"


def _to_nobody(_told: object = None) -> None:
    pass


@dataclass(frozen=True)
class Listener:
    """Callbacks for what happens; by default nobody is told."""

    on_event: Callable[[Event], None] = _to_nobody
    on_remark: Callable[[Remark], None] = _to_nobody  # what cannot wait for the end; called from another thread
    on_interrupt: Callable[[], None] = _to_nobody  # what was started is about to be stopped again


NOBODY = Listener()


@dataclass(frozen=True)
class Started:
    """A plan that runs, in which runtime, and what was learnt on the way."""

    plan: Plan
    runtime: Runtime
    kind: str  # as `up --runtime` has it
    remarks: tuple[Remark, ...]


@dataclass(frozen=True)
class State:
    """The state of a running environment."""

    plan: Plan
    statuses: tuple[ComponentStatus, ...]  # with what Airflow itself says about its health
    figures: Figures
    remarks: tuple[Remark, ...]  # of the last `up`
    import_errors: tuple[tuple[str, str], ...] = ()  # DAG file, last line of its traceback

    @property
    def is_healthy(self) -> bool:
        return not amiss(self.statuses)


class Lifecycle:
    """The life of one project's environment. Made for one request: which runtime it is in is looked up once."""

    def __init__(
        self,
        workspace: Workspace,
        listener: Listener = NOBODY,
        open_runtime: Callable[[str, Project, Mapping[str, str]], Runtime] = open_runtime,
    ) -> None:
        self._workspace = workspace
        self._listener = listener
        self._open_runtime = open_runtime
        self._choice: Choice | None = None
        self._runtime: Runtime | None = None

    @property
    def runtime(self) -> Runtime:
        """The chosen runtime; before a choice, the one that has something here, else processes."""
        return self._runtime or self._workspace.runtime

    def choose(self, kind: str) -> str:
        """Decide in which runtime the environment is or will be, and return its kind.

        An environment that is being stopped, though the command for that was interrupted, has ended then.
        Raises AlreadyRunning when it runs in another, DockerUnavailable when Docker is asked for and does not answer.
        """
        workspace = self._workspace
        self._choice = choose(kind, workspace.project, workspace.env)
        self._runtime = self._open_runtime(self._choice.kind, workspace.project, workspace.env)
        if self._choice.why:
            name = "Docker" if self._choice.kind == DOCKER else "processes"
            self._listener.on_event(Event("runtime", "done", detail=f"{name} ({self._choice.why})"))
        self._runtime.finish_stop(self._listener.on_event)
        return self._choice.kind

    def up(self, wanted: Environment, port: int | None = None, *, graceful: bool = False) -> Started:
        """Bring the environment up; where it runs, apply what changed. Return when all is ready.

        Requirements that changed are checked meanwhile. What cannot come up, or is interrupted, is taken down again
        where it was not up before; components that failed stay, so that they can be looked at. If it is `graceful`,
        workers that run finish their tasks with what they have, while others take their place.
        """
        self._chosen(wanted)
        was_running = self.runtime.running
        early = self._check_requirements(wanted)
        try:
            started = self.start(wanted, port, graceful=graceful)
        except (KeyboardInterrupt, StartupScriptFailed) as error:
            if not was_running:
                if isinstance(error, KeyboardInterrupt):
                    self._listener.on_interrupt()
                self.runtime.stop(now=True)
            raise
        finally:
            if self.runtime.running:  # also with components that failed
                begin_observer(self._workspace.project, wanted, self._workspace.env)
                note_last(self._workspace.project, wanted.airflow_version)
            else:
                forget_chosen(self._workspace.project)
        if early is not None:
            early.finish()
        return started

    def start(self, wanted: Environment, port: int | None = None, *, graceful: bool = False) -> Started:
        """Do what `up` does, but check nothing beside it, and take nothing down: for those who do both themselves."""
        kind = self._chosen(wanted)
        from mwaa_local.environment.environment import version_in_file

        release, project = self._workspace.release(wanted), self._workspace.project
        runtime, tell = self.runtime, self._listener.on_event
        note_chosen(project, release.airflow_version, version_in_file(project))
        prepared = runtime.prepare(replace(self._wanted(wanted, release, port), graceful=graceful), tell)
        with self._seeding(prepared):
            remarks = runtime.start(prepared, tell)
        return Started(prepared.plan, runtime, kind, (*remarks, *self._other_remarks(prepared.plan)))

    def start_empty(self, wanted: Environment, port: int | None = None) -> Started:
        """Do what `start` does, with an empty metadata database and nothing in the local AWS but its fixtures."""
        from mwaa_local.services.aws_state import remove_state

        self._chosen(wanted)
        self.down(now=True)
        self.runtime.remove_database(self._workspace.release(wanted).airflow_version)
        remove_state(self._workspace.project)
        return self.start(wanted, port)

    def down(self, *, now: bool = False) -> bool:
        """Stop everything; return whether anything was running. `now` kills instead of waiting for running tasks."""
        project = self._workspace.project
        ask_to_end(project)  # what it has left to do it does while tasks end
        try:
            was_running = self.runtime.stop(now=now, on_event=self._listener.on_event)
        finally:
            wait_for_end(project)
        forget_chosen(project)
        return was_running

    def state(self) -> State | None:
        """Return the state of the environment; None if it is not running."""
        from mwaa_local.airflow import AirflowClient

        plan = self.runtime.running_plan()
        if plan is None:
            return None
        client = AirflowClient(self.runtime, plan)
        figures, import_errors = client.figures(), tuple(client.import_errors())
        client.close()
        # What had only to be done once is of no interest when it was done well.
        statuses = tuple(item for item in figures.judge(self.runtime.status()) if item.state != FINISHED)
        remarks = (*load_remarks(self._workspace.project.run_dir), *self._other_remarks(plan))
        return State(plan, statuses, figures, remarks, import_errors)

    def unapplied(self) -> tuple[Remark, ...]:
        """Return a remark on what was written since the last `up` and takes effect only with the next one."""
        from mwaa_local.seeding.airflow_settings import SETTINGS_FILE

        project = self._workspace.project
        since = remarks_time(project.run_dir)
        if since is None:
            return ()
        parts = (
            project.environment_path,
            project.requirements_dir,
            project.startup_dir,
            *project.delivery.named.values(),
            project.plugins_dir,
            project.root_dir / SETTINGS_FILE,
        )
        changed = [str(part.relative_to(project.root_dir)) for part in parts if _was_written(part, since)]
        if not changed:
            return ()
        what = f"written since the last `up`, so without effect yet: {', '.join(changed)}"
        return (Remark(WARNING, "environment", what, "Airflow reads it only when it starts.", "mwaa-local up"),)

    def write_compose_files(self, wanted: Environment) -> Written:
        """Write what Docker Compose needs to bring the environment up by hand, without asking an engine for anything.

        Raises AlreadyRunning where the environment runs as processes: its ports would be taken.
        """
        from mwaa_local.runtime.compose.by_hand import write_compose_files

        workspace = self._workspace
        if runs_as_processes(workspace.project, workspace.env):
            raise AlreadyRunning(
                "this environment is already running, as processes", hint="run `mwaa-local down` first"
            )
        return write_compose_files(self._wanted(wanted, workspace.release(wanted)), self._listener.on_event)

    def _chosen(self, wanted: Environment) -> str:
        """Return the kind of the runtime: where nobody chose, the one of the environment file."""
        return self._choice.kind if self._choice else self.choose(wanted.local.runtime)

    def _wanted(self, environment: Environment, release: Release, port: int | None = None) -> Wanted:
        workspace = self._workspace
        remarks = (*(_remarks_on(self._choice) if self._choice else ()), *_remarks_on_links(workspace.project))
        if environment.local.aws_port and environment.local.aws != AWS_LOCAL:
            what, hint = "AwsPort has no effect without Aws: local", "add Aws: local, or remove AwsPort"
            remarks = (*remarks, Remark(WARNING, "environment file", what, "", f"{hint}, under Local in mwaa.yaml"))
        if environment.local.aws_profile and environment.local.aws != AWS_PROFILE:
            what, hint = "AwsProfile has no effect without Aws: profile", "write Aws: profile, or remove AwsProfile"
            remarks = (*remarks, Remark(WARNING, "environment file", what, "", f"{hint}, under Local in mwaa.yaml"))
        remarks = (*remarks, *release_remarks(workspace.project, release))
        remarks = (*remarks, *scheduler_remarks(environment), *_remarks_on_files(workspace.project, environment))
        remarks = (*remarks, *script_remarks(workspace.project, release))
        return Wanted(workspace.project, environment, release, workspace.env, workspace.cache_dir, port, remarks)

    def _other_remarks(self, plan: Plan) -> tuple[Remark, ...]:
        """Return what a running local AWS has to say of what it keeps, and what there is of the sync with a bucket."""
        from mwaa_local.services.aws import AWS
        from mwaa_local.services.aws_state import state_remarks
        from mwaa_local.sync.state import SyncState

        project = self._workspace.project
        return (*(state_remarks(project) if AWS in plan.ports else ()), *SyncState(project).remarks)

    def _check_requirements(self, wanted: Environment) -> EarlyCheck | None:
        """Begin to check requirements that changed; conflicts are told as soon as they are known."""
        project = self._workspace.project
        if not project.requirements_path.is_file():
            return None
        from mwaa_local.check.requirements import early
        from mwaa_local.configuration.option_names import translate

        variables = translate(wanted.airflow_configuration_options)
        release = self._workspace.release(wanted)
        return early.begin(project, release, self._workspace.env, variables, self._listener.on_remark)

    @contextlib.contextmanager
    def _seeding(self, prepared: Prepared) -> Iterator[None]:
        """Around a start: tell what was put into the database, or what of it could not be, and what services hold."""
        from mwaa_local.services import seeding

        plan, since, tell = prepared.plan, time.time(), self._listener.on_event
        try:
            yield
        except ComponentFailed:
            seeding.raise_for_refusal(self._seeding_answer(plan, since))
            raise
        if done := seeding.put_in(self._seeding_answer(plan, since)):
            tell(Event("settings", "done", detail=done))
        for told in prepared.told:
            tell(told)

    def _seeding_answer(self, plan: Plan, since: float) -> Answer | None:
        """Return what the step that fills the database answered since then."""
        from mwaa_local.services import seeding

        step = seeding.step_of(plan)
        if step is None:
            return None
        try:
            lines = [line.text for line in self.runtime.logs([step.name], follow=False) if line.time >= since]
        except ComponentUnknown:  # it has not written anything
            return None
        return seeding.read_answer(lines)


def _was_written(part: Path, since: float) -> bool:
    """Say whether a file, or anything in a folder, came, went or was changed after that time."""
    paths = [part, *part.rglob("*")] if part.is_dir() else [part]
    return any(_last_change(path) > since for path in paths if PYTHON_CACHE not in path.parts)


def _last_change(path: Path) -> float:
    """Return when it was last changed or moved here, in epoch seconds; 0 for what is not there."""
    try:
        found = path.stat()
        if not path.is_dir():
            return max(found.st_mtime, found.st_ctime)
        # A folder changes, too, when Python makes its cache in it.
        return 0.0 if (path / PYTHON_CACHE).exists() else found.st_mtime
    except OSError:
        return 0.0


def _remarks_on(choice: Choice) -> tuple[Remark, ...]:
    """Return what is worth a look about why this runtime was taken."""
    if not choice.is_worth_a_look:
        return ()
    hint = "run `mwaa-local up --runtime docker` to see why"
    return (Remark(WARNING, "runtime", "Docker is on this machine but was not used", choice.why, hint),)


def _remarks_on_files(project: Project, environment: Environment) -> Iterator[Remark]:
    """Yield that another release was probably meant, where nobody named one, and which files are not read."""
    from mwaa_local.check.named_places import named_elsewhere
    from mwaa_local.check.other_tools import requirements_elsewhere, variables_of_other_tools
    from mwaa_local.check.release_signs import release_assumed

    if assumed := release_assumed(project, environment):
        yield Remark(assumed.severity, "environment file", assumed.what, assumed.why, assumed.hint)
    for found in (
        *named_elsewhere(project),
        *requirements_elsewhere(project),
        *variables_of_other_tools(project, environment),
    ):
        yield Remark(found.severity, "project", f"{found.path}: {found.what}", found.why, found.hint)


def _remarks_on_links(project: Project) -> Iterator[Remark]:
    """Yield what is wrong with links in the folders that Airflow walks: it does not come up well with all of them."""
    from mwaa_local.check.links import findings_in

    for folder in (project.dags_dir, project.plugins_dir):
        for found in findings_in(folder, project.root_dir):
            yield Remark(found.severity, "links", f"{found.path}: {found.what}", found.why, found.hint)
