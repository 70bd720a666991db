"""Try the startup script as each MWAA component would run it, without starting or touching an environment.

Each component gets what a container of its own would have on MWAA: a fresh Airflow home, a package set of its own and
its own processes. All of it is thrown away afterwards: the project's set, from which an environment may be running,
stays as it is, and no run sees what another one installed. There is no database and no broker behind the variables.

Not for judging how a script ended (`outcome`), nor for merging variables (`configuration.merge`).
"""

from __future__ import annotations

import base64
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path

from mwaa_local import isolation
from mwaa_local.check.context import CheckContext
from mwaa_local.configuration.configuration import Configuration
from mwaa_local.configuration.layers import Layer
from mwaa_local.configuration.local_values import PREVIEW, LocalValues
from mwaa_local.configuration.merge import user_notes
from mwaa_local.errors import MwaaLocalError, StartupScriptFailed
from mwaa_local.packages import PythonEnvironment
from mwaa_local.plan import MWAA_COMPONENTS
from mwaa_local.project import MARK_VARIABLE, TEMPORARY_NAME
from mwaa_local.release import Release
from mwaa_local.sandbox import NO_DATABASE_URL, end_processes_of, finish_home
from mwaa_local.scratch import scratch_folder
from mwaa_local.secrets import KEY_BYTES
from mwaa_local.startup.failed_commands import FailedCommand, stopped_at
from mwaa_local.startup.outcome import StartupOutcome
from mwaa_local.startup.pip_variables import PipVariable
from mwaa_local.startup.run import run_startup_script
from mwaa_local.startup.script_run import SyntaxProblem, read_script
from mwaa_local.startup.state import ContainerState
from mwaa_local.startup.verification import changed_notes

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LATER_NICENESS = 5  # of those that nobody waits for first, as nice(1) counts
WRITTEN_NAME = "written"  # what the script changed of the packages, where they are below an overlay
DIR_NAME = "startup-test"  # below `.mwaa-local/`: the logs stay there


@dataclass(frozen=True)
class RefusedVariable:
    """A variable that the script exported without effect."""

    name: str
    reason: str


@dataclass(frozen=True)
class Failure:
    """Why MWAA's container would not start."""

    what: str
    why: str
    hint: str
    is_of_machine: bool = False  # for want of what its container has, and this machine perhaps not


@dataclass(frozen=True)
class Trial:
    """One component's run of the script. Variables are names: their values may be secrets."""

    component: str
    elapsed_s: float
    exit_code: int | None  # MWAA ignores it; None where the shell ended without one that is known
    line: int  # that failed; 0 where none did or it is not known
    kept: tuple[str, ...]
    refused: tuple[RefusedVariable, ...]
    lost: tuple[str, ...]  # assigned and not exported
    notes: tuple[str, ...]
    log_path: Path
    failure: Failure | None = None
    exported: Mapping[str, str] = field(default_factory=dict, repr=False)  # with values, which may be secrets
    syntax_problem: SyntaxProblem | None = None
    failed_commands: tuple[FailedCommand, ...] = ()
    unavailable_commands: tuple[FailedCommand, ...] = ()  # whose programs only MWAA's container has
    absent_programs: Mapping[str, str] = field(default_factory=dict)  # those programs -> a line on each
    pip_variables: tuple[PipVariable, ...] = ()
    state: ContainerState = field(default_factory=ContainerState)  # on disk until the trials end

    @property
    def failed_here(self) -> tuple[FailedCommand, ...]:
        """The commands that failed for what only this machine lacks, by their lines."""
        of_machine = [item for item in self.failed_commands if item.is_of_machine]
        return tuple(sorted([*of_machine, *self.unavailable_commands], key=lambda item: item.line))

    @property
    def starts(self) -> bool:
        """Whether MWAA's container would go on to start."""
        return self.failure is None


def try_startup_script(context: CheckContext, components: Sequence[str] = MWAA_COMPONENTS) -> tuple[Trial, ...]:
    """Return how the script ends in each component; they run at the same time, as MWAA's containers do.

    The project's own folders, dags/ among them, are the only thing that a script can change for good: it sees them in
    its Airflow home, as in an environment. Logs stay in `.mwaa-local/startup-test`.

    Raises ToolMissing where there is no bash, DiskFull where there is no room for the packages.
    """
    with running_trials(context, components) as trials:
        return trials.all()


class Trials:
    """The components' runs in progress; several threads may ask."""

    def __init__(self, ends: Mapping[str, Connection]) -> None:
        self._ends = ends
        self._done: dict[str, Trial] = {}
        self._lock = threading.Lock()

    def all(self) -> tuple[Trial, ...]:
        """Wait for every component."""
        return tuple(self.of(name) for name in self._ends)

    def of(self, component: str) -> Trial:
        """Wait for one component."""
        with self._lock:
            if component not in self._done:
                self._done[component] = _received(self._ends[component], component)
            return self._done[component]

    @property
    def components(self) -> tuple[str, ...]:
        return tuple(self._ends)


@contextlib.contextmanager
def running_trials(context: CheckContext, components: Sequence[str]) -> Iterator[Trials]:
    """Run the components in the background; the Trials that it yields wait for their ends.

    The first component goes before the others where processors are few. To be entered before the caller has threads:
    each run is a fork of this process.
    """
    context.project.make_state_dir()
    kept_dir = context.project.state_dir / DIR_NAME
    kept_dir.mkdir(exist_ok=True)
    with (
        scratch_folder("run-", kept_dir) as work_dir,
        _in_processes(context, components, work_dir) as ends,
    ):
        yield Trials(dict(zip(components, ends, strict=True)))


@contextlib.contextmanager
def _in_processes(context: CheckContext, components: Sequence[str], work_dir: Path) -> Iterator[list[Connection]]:
    """Run each component in a process, since each needs its own /usr/local/airflow, and a namespace is a process's."""
    method = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
    processes, ends = [], []
    try:
        for number, name in enumerate(components):
            our_end, their_end = method.Pipe(duplex=False)
            niceness = LATER_NICENESS if number else 0
            process = method.Process(target=_report, args=(their_end, context, name, work_dir / name, niceness))
            process.start()
            their_end.close()
            processes.append(process)
            ends.append(our_end)
        yield ends
    finally:
        for process in processes:
            process.terminate()  # one that has reported is ending anyway
            process.join()


def _report(end: Connection, context: CheckContext, component: str, work_dir: Path, niceness: int) -> None:
    os.nice(niceness)
    for number in INTERRUPTS:
        signal.signal(number, _interrupt)
    result: Trial | Exception
    try:
        result = _try_one(context, component, work_dir)
    except (MwaaLocalError, OSError) as error:
        result = error
    except KeyboardInterrupt:  # the command was interrupted, too, and tells
        return
    _ignore_interrupts()
    end.send(result)


def _interrupt(_number: int, _frame: object) -> None:
    """End once: the script is still to be stopped when Ctrl-C is followed by the command's own signal."""
    _ignore_interrupts()
    raise KeyboardInterrupt


def _ignore_interrupts() -> None:
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)


def _received(end: Connection, component: str) -> Trial:
    try:
        result = end.recv()
    except EOFError as error:
        raise StartupScriptFailed(
            f"the trial of the startup script in the {component} was killed",
            "It ended without saying how the script did.",
            "look for what ended it: too little memory, or the script itself",
        ) from error
    if isinstance(result, Exception):
        raise result
    assert isinstance(result, Trial)
    return result


def _try_one(context: CheckContext, component: str, work_dir: Path) -> Trial:
    home_dir = work_dir / "airflow"
    (home_dir / TEMPORARY_NAME).mkdir(parents=True)
    packages = _own_packages(context, work_dir)
    finish_home(home_dir, packages, context.release)
    (home_dir / "logs").mkdir()
    folders = context.folders
    layout = isolation.Layout(home_dir, folders)
    seen_home = str(home_dir)
    if isolation.enter_mwaa_paths(layout):
        isolation.link_mwaa_paths(layout)
    else:
        seen_home = str(isolation.MWAA_HOME_DIR)
    configuration = context.configuration(_values(seen_home), seen_home)
    try:
        trial = _run(configuration, component, packages, work_dir)
        trial = verified(trial, packages.site_packages_dir, context.release)
        state = _state(trial.exported, home_dir, packages, context, work_dir)
        return replace(trial, state=replace(state, failed_here=trial.failed_here))
    finally:
        end_processes_of(work_dir)


def verified(trial: Trial, site_packages_dir: Path, release: Release) -> Trial:
    """Return the trial with what MWAA then says of its packages; it looks only where the container goes on to start."""
    if not trial.starts:
        return trial
    return replace(trial, notes=(*trial.notes, *changed_notes(site_packages_dir, release)))


def _state(
    exports: Mapping[str, str], home_dir: Path, packages: PythonEnvironment, context: CheckContext, work_dir: Path
) -> ContainerState:
    if packages.dir == context.base.dir:
        return ContainerState(exports, home_dir, layer_dir=work_dir / WRITTEN_NAME / isolation.UPPER_NAME)
    return ContainerState(exports, home_dir, changed=packages)


def _own_packages(context: CheckContext, work_dir: Path) -> PythonEnvironment:
    """Return packages that the script may change: the release's own below an overlay, or else a copy of them."""
    if not isolation.cover(context.base.dir, work_dir / WRITTEN_NAME):
        return context.base
    return context.store.clone(context.base, work_dir / "packages")


def _values(home_dir: str) -> LocalValues:
    fernet_key = base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()
    result_backend = f"db+{NO_DATABASE_URL}"
    values = replace(PREVIEW, database_url=NO_DATABASE_URL, result_backend=result_backend, fernet_key=fernet_key)
    return replace(values, airflow_home=home_dir)


def _run(configuration: Configuration, component: str, packages: PythonEnvironment, work_dir: Path) -> Trial:
    # With a mark of its own, so that no environment takes what the script leaves running for its own.
    view = {**configuration.startup_views(packages)[component], MARK_VARIABLE: str(work_dir)}
    script_path = configuration.project.startup_script_path
    log_path = configuration.project.state_dir / DIR_NAME / f"{component}.log"
    started = time.monotonic()
    try:
        outcome = run_startup_script(script_path, component, view, Path(configuration.home_dir), log_path)
    except StartupScriptFailed as error:
        failed = _failed(component, error, time.monotonic() - started, log_path)
        if not error.is_of_machine:
            return failed
        return replace(failed, unavailable_commands=(stopped_at(read_script(script_path), error.line),))
    return _ended(configuration, outcome, packages)


def _ended(configuration: Configuration, outcome: StartupOutcome, packages: PythonEnvironment) -> Trial:
    merged = configuration.merged_for(outcome.component, packages, outcome.exported)
    lost = (note for note in user_notes(merged) if note.source is Layer.STARTUP_SCRIPT and not note.part)
    refused = {note.name: note.reason for note in lost}
    return Trial(
        component=outcome.component,
        elapsed_s=outcome.elapsed_s,
        exit_code=outcome.exit_code,
        line=outcome.syntax_problem.line if outcome.syntax_problem else 0,
        kept=tuple(sorted(outcome.exported.keys() - refused.keys())),
        refused=tuple(RefusedVariable(name, why) for name, why in sorted(refused.items())),
        lost=outcome.not_exported,
        notes=outcome.notes,
        log_path=outcome.log_path,
        exported=outcome.exported,
        syntax_problem=outcome.syntax_problem,
        failed_commands=outcome.failed_commands,
        unavailable_commands=outcome.unavailable_commands,
        absent_programs=outcome.absent_programs,
        pip_variables=outcome.pip_variables,
    )


def _failed(component: str, error: StartupScriptFailed, elapsed_s: float, log_path: Path) -> Trial:
    return Trial(
        component=component,
        elapsed_s=elapsed_s,
        exit_code=error.script_exit_code,
        line=error.line,
        kept=(),
        refused=(),
        lost=(),
        notes=(),
        log_path=log_path,
        failure=Failure(error.what, error.why, error.hint, error.is_of_machine),
    )
