"""Carry an upgrade out: stop, snapshot, copy and migrate the database, change mwaa.yaml, start, look, run DAGs.

Before the first step, what the new release needs is installed, while the environment runs: nothing is changed by that.
What a step has to undo is in the journal before the step begins. A failure or an interrupt undoes all; a kill leaves
it to the next command (`settling`). The database of before is only ever read.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mwaa_local.dag_run import RunDates, WantedRun
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import AlreadyRunning, DagRunFailed, MwaaLocalError
from mwaa_local.event import Event
from mwaa_local.healthy import wait_until_healthy
from mwaa_local.lifecycle import Lifecycle, Listener, Started
from mwaa_local.release import Release
from mwaa_local.smoke.one_run import run_one, wait_for_all
from mwaa_local.upgrade.carrying_out import environment_file, journal, snapshot
from mwaa_local.upgrade.carrying_out.database_move import DatabaseMove, TargetDatabase
from mwaa_local.upgrade.carrying_out.free_ports import check_free
from mwaa_local.upgrade.carrying_out.journal import Journal, StatusChange
from mwaa_local.upgrade.carrying_out.place import runtime_with_data
from mwaa_local.upgrade.version_line import with_version
from mwaa_local.wanted import Wanted
from mwaa_local.web_address import DOOR
from mwaa_local.workspace import Workspace

SUBJECT = "upgrade"  # of events


def _to_nobody(_told: object) -> None:
    pass


@dataclass(frozen=True)
class Upgrade:
    """What is to be done. Whether MWAA takes the move, and what it breaks, was asked before (`paths`, `rehearsal`)."""

    source: Release
    target: Release
    runtime: str = "auto"  # as `up --runtime` has it
    port: int | None = None  # the web server's; by default that of before, where it ran
    dags: tuple[str, ...] = ()  # to be run once in the new release
    # What is started once the file has the target's version; by default what the file says.
    wanted: Callable[[], Environment] | None = None
    is_started_again: bool = True  # after a rollback, where it ran before; else its caller does that


@dataclass(frozen=True)
class Watch:
    """Whom to tell: of events as in any start, and of each step once it is in the journal."""

    listener: Listener = field(default_factory=Listener)
    on_step: Callable[[Journal], None] = _to_nobody

    def tell(self, detail: str, state: str = "done") -> None:
        self.listener.on_event(Event(SUBJECT, state, detail=detail))


@dataclass(frozen=True)
class Ran:
    """A DAG that ran in the new release. Of one that failed no dates are known."""

    dag_id: str
    dates: RunDates
    has_failed: bool = False

    def plain(self) -> dict[str, str | None]:
        """Return plain values for JSON."""
        return {"dag_id": self.dag_id, "state": "failed" if self.has_failed else "success", **self.dates.plain()}


@dataclass(frozen=True)
class Upgraded:
    """How it went: the environment is AVAILABLE with the target's release."""

    journal: Journal
    statuses: tuple[StatusChange, ...]
    started: Started
    runs: tuple[Ran, ...]


def carry_out(workspace: Workspace, upgrade: Upgrade, watch: Watch) -> Upgraded:
    """Do the whole of it, or undo all of it; whoever calls holds the project (`Workspace.exclusive`).

    Raises UpgradeFailed after a rollback, KeyboardInterrupt after one that an interrupt began, and what keeps it from
    beginning at all, with nothing changed: EnvironmentFileInvalid, AccessDenied, PortInUse, DockerUnavailable,
    AlreadyRunning, and what `Databases.prepare` raises.
    """
    return Carrying.begin(workspace, upgrade, watch).carry_out()


class Carrying:
    """One upgrade that is under way. Its journal is on the disk."""

    def __init__(self, workspace: Workspace, upgrade: Upgrade, watch: Watch, lifecycle: Lifecycle, at: Journal) -> None:
        self.workspace, self.upgrade, self.watch, self.lifecycle = workspace, upgrade, watch, lifecycle
        self.journal = at
        self.runs: tuple[Ran, ...] = ()

    @classmethod
    def begin(
        cls, workspace: Workspace, upgrade: Upgrade, watch: Watch, lifecycle: Lifecycle | None = None
    ) -> Carrying:
        """Look at everything that could be in the way, and make the journal."""
        if journal.load(workspace.project) is not None:
            raise AlreadyRunning(
                "another upgrade of this environment is not over",
                f"Its journal is {journal.journal_path(workspace.project)}.",
                "`mwaa-local up` undoes or finishes it; then begin again",
            )
        lifecycle = lifecycle or Lifecycle(workspace, watch.listener)
        kind = lifecycle.choose(runtime_with_data(workspace, upgrade.runtime, upgrade.source.airflow_version))
        lifecycle.runtime.databases.versions()  # may not be possible
        environment_file.check_replaceable(workspace.project)
        before = environment_file.read(workspace.project)
        after = with_version(before, upgrade.target.airflow_version)
        plan = lifecycle.runtime.running_plan()
        port = upgrade.port if upgrade.port is not None or plan is None else plan.ports.get(DOOR)
        if upgrade.wanted is None:  # else only its caller knows what is started
            check_free(workspace.environment().local, port, plan, upgrade.target.airflow_version)
        began = Journal(
            source=upgrade.source.airflow_version,
            target=upgrade.target.airflow_version,
            runtime=kind,
            began=time.time(),
            file_before=None if before is None else journal.encoded(before),
            file_after=journal.encoded(after),
            is_started_again=upgrade.is_started_again and plan is not None,
            port=port,
            dags=upgrade.dags,
        )
        return cls(workspace, upgrade, watch, lifecycle, began)

    def save(self, at: Journal) -> Journal:
        """Have it on the disk before anything is done that it speaks of."""
        self.journal = journal.save(self.workspace.project, at)
        return at

    def save_if_possible(self, at: Journal) -> None:
        """Have it on the disk where that has room; what is done next does not depend on it."""
        self.journal = at
        with contextlib.suppress(MwaaLocalError):
            journal.save(self.workspace.project, at)

    def tell_step(self) -> None:
        """Tell where it is. Whoever notes it on a full disk does not keep the rollback from being done."""
        with contextlib.suppress(MwaaLocalError):
            self.watch.on_step(self.journal)

    def step(self, step: str) -> None:
        self.save(self.journal.at(step))
        if step != journal.RUNNING or self.journal.dags:  # else it is only where the new release counts
            self.watch.tell(step, "working")
        self.watch.on_step(self.journal)

    def carry_out(self) -> Upgraded:
        return self.or_undo(self._forward)

    def or_undo(self, do: Callable[[], Upgraded]) -> Upgraded:
        """Do it; undo the upgrade where that fails or is interrupted. A mistake of ours is undone, too."""
        from mwaa_local.upgrade.carrying_out.undoing import undo_after

        try:
            return do()
        except BaseException as error:
            left = journal.load(self.workspace.project)
            if left is None or left.is_available:  # it has not begun, or is over: nothing is undone then
                raise
            raise undo_after(self, error) from error

    def _forward(self) -> Upgraded:
        move = self.database_move(self.workspace.environment())
        self._prepare(move)
        self.step(journal.STOPPING)
        self.lifecycle.down()
        self.step(journal.SNAPSHOT)
        self._take_snapshots()
        self.step(journal.COPYING)
        self.save(move.copy(self.journal))
        self.step(journal.MIGRATING)
        move.migrate(self.journal)
        self.step(journal.SWITCHING)
        environment_file.change(self.workspace.project, self.journal)
        self.lifecycle.runtime.remove_queue()  # a worker of another release does not understand its messages
        self.step(journal.STARTING)
        started = self.start()
        self.step(journal.RUNNING)
        return self.finish(started)

    def _prepare(self, move: DatabaseMove) -> None:
        """Have what the releases' commands need. That takes long and may fail, so the environment runs meanwhile."""
        try:
            move.prepare()
        except MwaaLocalError as error:
            error.why = f"{error.why}\nNothing was changed.".lstrip()
            raise

    def start(self) -> Started:
        """Bring the new release up, and see that it is healthy."""
        wanted = self.upgrade.wanted or self.workspace.environment
        started = self.lifecycle.up(wanted(), self.journal.port)
        wait_until_healthy(self.lifecycle)
        return started

    def finish(self, started: Started) -> Upgraded:
        """Run the DAGs that were named and not run yet, once all are known to be there, and end the upgrade."""
        tell = self.watch.listener.on_event
        left = self.journal.dags[len(self.journal.dags_done) :]
        if left:
            wait_for_all(self.workspace, self.upgrade.target, started, left, tell)
        for dag_id in left:
            try:
                dates = run_one(self.workspace, self.upgrade.target, started, WantedRun(dag_id, ""), tell)
            except DagRunFailed:
                self.runs += (Ran(dag_id, RunDates(), has_failed=True),)
                raise
            self.runs += (Ran(dag_id, dates),)
            self.save(replace(self.journal, dags_done=(*self.journal.dags_done, dag_id)))
        self.end()
        return Upgraded(self.journal, self.journal.statuses, started, self.runs)

    def end(self) -> None:
        """The environment is AVAILABLE with the new release; what was put aside is in a snapshot by its name."""
        self.save(self.journal.with_status(journal.STATUS_AVAILABLE))
        self.watch.on_step(self.journal)
        try:
            self.target_database.forget_aside(self.journal)
            journal.remove(self.workspace.project)
        except MwaaLocalError as error:
            self.watch.tell(f"{error.what}; the next command that changes this environment tidies up")

    @property
    def target_database(self) -> TargetDatabase:
        return TargetDatabase(self.lifecycle.runtime.databases, self.save)

    def database_move(self, environment: Environment) -> DatabaseMove:
        workspace, target = self.workspace, self.upgrade.target
        wanted = Wanted(
            workspace.project,
            environment.model_copy(update={"airflow_version": target.airflow_version}),
            target,
            workspace.env,
            workspace.cache_dir,
        )
        databases = self.lifecycle.runtime.databases
        return DatabaseMove(databases, self.save, wanted, self.upgrade.source, self.watch.listener.on_event)

    def _take_snapshots(self) -> None:
        """Snapshot the source's database, and one that the target has already, which is replaced."""
        source, target = self.journal.source, self.journal.target
        if name := self._snapshot_of(source):
            self.save(replace(self.journal, snapshot=name))
        else:
            self.watch.tell(f"no database of Airflow {source} yet, so nothing to take along")
        if name := self._snapshot_of(target):
            self.save(replace(self.journal, target_snapshot=name))

    def _snapshot_of(self, version: str) -> str:
        """Return the name of a snapshot of that database, taken now; "" where there is none."""
        databases = self.lifecycle.runtime.databases
        if version not in databases.versions():
            return ""
        tell = self.watch.listener.on_event
        name = snapshot.take(self.workspace.project, databases, version, self.journal, tell)
        self.watch.tell(f"snapshot {name}: the database of Airflow {version}")
        return name
