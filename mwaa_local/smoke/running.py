"""The run phase: trigger DAGs, a few at a time, and follow each run to its end or its time limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mwaa_local.airflow import TRIGGERED, AirflowClient
from mwaa_local.dag_run import AS_SCHEDULED, RunDates, WantedRun
from mwaa_local.database.metadata import NO_STATE, UNMAPPED, Dag, Metadata, RunRow, TaskRow
from mwaa_local.errors import ComponentFailed, DagNotDue, MwaaLocalError, NotRunning
from mwaa_local.event import FAILED, Event
from mwaa_local.runtime.protocol import Runtime
from mwaa_local.smoke.judging import Ended
from mwaa_local.smoke.result import CUT_OFF, NEVER_BEGUN, NOT_DUE, TIMED_OUT
from mwaa_local.smoke.signals import TimeLimit

POLL_PAUSE_S = 0.3
LOOK_AT_COMPONENTS_S = 5.0  # that often it is asked whether all components are well
SILENT_DATABASE_S = 15.0  # longer than a database needs to come back after its process died
EXPLAINED_TASKS = 3  # waiting tasks for which Airflow is asked what they wait for; each answer takes seconds
WAITING_STATES = ("queued", "scheduled", NO_STATE)  # the nearest to a worker first
TOLD_STATES = {"failed": "failed", "up_for_retry": "working"}
RUN_ID_PREFIX = "smoke__"


@dataclass(frozen=True)
class RunLimits:
    """How many runs at once, and how long one may take."""

    parallel: int
    dag_timeout_s: float


@dataclass(frozen=True)
class RunsWanted:
    """How the DAGs are to run: configuration and date as in a WantedRun, and the ids of those that have to run."""

    conf: str = ""
    date: str = AS_SCHEDULED
    required: frozenset[str] = frozenset()  # a DAG that was named; others may have nothing to run yet


@dataclass
class _RunInProgress:
    dag: Dag
    run_id: str
    began: float
    tasks: Sequence[TaskRow] = ()
    told: set[tuple[str, str, int]] = field(default_factory=set)
    dates: RunDates | None = None  # not known before it was triggered
    # Airflow takes seconds to make a run, and other runs have their limits meanwhile.
    triggering: threading.Thread | None = None
    refused: MwaaLocalError | None = None

    def trigger(self, client: AirflowClient, wanted: WantedRun) -> None:
        """Trigger the run on a thread of its own; its time begins when that is done."""

        def trigger() -> None:
            try:
                self.dates = client.trigger(wanted)
            except MwaaLocalError as error:  # where the environment is gone, the next look will say so better
                self.refused = error
            self.began = time.monotonic()

        self.triggering = threading.Thread(target=trigger, daemon=True)  # must not keep an interrupted command alive
        self.triggering.start()

    @property
    def was_triggered(self) -> bool:
        """Say, once, that triggering has ended."""
        if self.triggering is None or self.triggering.is_alive():
            return False
        self.triggering = None
        return True

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.began


class DagRuns:
    """Runs DAGs of one environment. `on_ended` gets each run as soon as it is over."""

    def __init__(
        self,
        runtime: Runtime,
        client: AirflowClient,
        metadata: Metadata,
        limits: RunLimits,
        on_event: Callable[[Event], None],
        on_ended: Callable[[Ended, str], None],
    ) -> None:
        self._runtime = runtime
        self._client = client
        self._metadata = metadata
        self._limits = limits
        self._on_event = on_event
        self._on_ended = on_ended
        self._waiting: list[Dag] = []
        self._how = RunsWanted()
        self._going: list[_RunInProgress] = []
        self._begun: set[str] = set()  # ids of runs that Airflow may have and that have not ended
        self._answered = time.monotonic()
        self._looked = time.monotonic()

    def run(self, dags: Sequence[Dag], how: RunsWanted) -> None:
        """Run the DAGs until all are over. What still goes on when an exception ends this is given up.

        A DAG that is paused is unpaused when its run is there: the scheduler makes no other one of the same interval.
        Raises NotRunning, or ComponentFailed, when the environment goes away meanwhile.
        """
        self._waiting, self._how = list(dags), how
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
        paused = [dag.dag_id for dag in dags if dag.is_paused]
        try:
            while self._waiting or self._going:
                while self._waiting and len(self._going) < self._limits.parallel:
                    number = len(dags) - len(self._waiting) + 1
                    self._begin(self._waiting[0], f"{RUN_ID_PREFIX}{stamp}.{number}")
                self._look_at_triggers()
                self._look()
                self._look_at_components()
                time.sleep(POLL_PAUSE_S)
        except TimeLimit:
            self._end_all(TIMED_OUT, "not over at the time limit of the smoke run")
            raise
        except KeyboardInterrupt:
            self._end_all(CUT_OFF, "not over when the smoke run was interrupted")
            raise
        finally:
            self._metadata.give_up(sorted(self._begun))
            self._metadata.set_paused(paused, paused=True)

    def _begin(self, dag: Dag, run_id: str) -> None:
        going = _RunInProgress(dag, run_id, time.monotonic())
        self._waiting.remove(dag)
        self._going.append(going)
        self._begun.add(run_id)  # before it is triggered: an interrupt may come when Airflow has taken it already
        going.trigger(self._client, WantedRun(dag.dag_id, run_id, self._how.conf, self._how.date))

    def _look_at_triggers(self) -> None:
        for going in [going for going in self._going if going.was_triggered]:
            if going.refused is None:
                if going.dag.is_paused:
                    self._metadata.set_paused([going.dag.dag_id], paused=False)
                detail = f"{going.dag.dag_id} {TRIGGERED}{f': {going.dates.line()}' if going.dates else ''}"
                self._on_event(Event("dag run", "working", detail=detail))
            elif isinstance(going.refused, DagNotDue) and going.dag.dag_id not in self._how.required:
                self._over(going, NOT_DUE, waiting=(going.refused.why,))
            else:
                hint = f"hint: {going.refused.hint}" if going.refused.hint else ""
                self._over(going, NEVER_BEGUN, "\n".join(filter(None, (going.refused.what, going.refused.why, hint))))

    def _look(self) -> None:
        if not self._going:
            return
        run_ids = sorted({going.run_id for going in self._going})
        runs, tasks = self._metadata.runs(run_ids), self._metadata.task_instances(run_ids)
        if runs is None or tasks is None:
            self._without_answer()
            return
        self._answered = time.monotonic()
        rows = {row.dag_id: row for row in runs}
        for going in list(self._going):
            going.tasks = [task for task in tasks if task.dag_id == going.dag.dag_id]
            self._tell(going)
            row = rows.get(going.dag.dag_id)
            if row is not None and row.is_final:
                self._over(going, row.state, date=row.logical_date)
            elif going.elapsed_s > self._limits.dag_timeout_s:
                self._time_out(going, row, f"after {self._limits.dag_timeout_s:g} s")

    def _tell(self, going: _RunInProgress) -> None:
        for task in going.tasks:
            change = (task.name, task.state, task.tries)
            if task.state in TOLD_STATES and change not in going.told:
                going.told.add(change)
                tries = f", try {task.tries} of {task.max_tries + 1}" if task.max_tries else ""
                word = "failed" if task.state == "failed" else "failed and will be tried again"
                detail = f"{going.dag.dag_id}.{task.name} {word}{tries}"
                self._on_event(Event("task", TOLD_STATES[task.state], task.elapsed_s, detail))

    def _time_out(self, going: _RunInProgress, row: RunRow | None, limit: str) -> None:
        """End a run that takes too long; its tasks are ended too."""
        waiting = tuple(self._explain(going, row))
        self._metadata.give_up([going.run_id])
        self._over(going, TIMED_OUT, f"not over {limit}", waiting, row.logical_date if row else "")

    def _end_all(self, state: str, problem: str) -> None:
        for going in list(self._going):
            self._over(going, state, problem, tuple(_unfinished(going.tasks)))
        for dag in self._waiting:
            self._on_ended(Ended(dag, "", state, 0.0, problem=problem), "")
        self._waiting = []

    def _explain(self, going: _RunInProgress, row: RunRow | None) -> Iterator[str]:
        """Yield what of the run is still to come, and why as far as that can be known."""
        if row is None or row.state == "queued":
            others = [name for name in self._metadata.active_runs(going.dag.dag_id) if name != going.run_id]
            if others:
                names = ", ".join(others)
                yield f"the run waits: max_active_runs is {going.dag.max_active_runs}, and {names} is running"
            return
        yield from _unfinished(going.tasks)
        pools = self._metadata.pools()
        waiting = [task for state in WAITING_STATES for task in going.tasks if task.state == state]
        for task in waiting:
            if pools and pools.get(task.pool, 0) == 0:
                lack = "has no slots" if task.pool in pools else "does not exist"
                yield f"{task.name}: the pool {task.pool!r} {lack}"
        if any(not task.is_final and task.state not in WAITING_STATES for task in going.tasks):
            return  # what waits, waits for that
        for task in [task for task in waiting if task.map_index == UNMAPPED][:EXPLAINED_TASKS]:
            for line in self._client.unmet(task.dag_id, task.task_id, task.run_id, row.logical_date):
                yield f"{task.name}: {line}"

    def _over(
        self, going: _RunInProgress, state: str, problem: str = "", waiting: tuple[str, ...] = (), date: str = ""
    ) -> None:
        self._going.remove(going)
        if state not in (TIMED_OUT, CUT_OFF):
            self._begun.discard(going.run_id)
        ended = Ended(going.dag, going.run_id, state, going.elapsed_s, going.tasks, problem, waiting, going.dates)
        self._on_ended(ended, date)

    # Is the environment still there?

    def _without_answer(self) -> None:
        if time.monotonic() - self._answered < SILENT_DATABASE_S:
            return
        if not self._runtime.running:
            raise NotRunning("the environment was stopped during the smoke run", hint="run it again")
        raise ComponentFailed("the metadata database no longer answers", hint="mwaa-local logs postgres")

    def _look_at_components(self) -> None:
        if time.monotonic() - self._looked < LOOK_AT_COMPONENTS_S:
            return
        self._looked = time.monotonic()
        for status in self._runtime.status():
            if status.state == FAILED:
                raise ComponentFailed(
                    f"{status.name} failed during the smoke run: {status.detail}", hint=f"mwaa-local logs {status.name}"
                )


def _unfinished(tasks: Sequence[TaskRow]) -> Iterator[str]:
    """Yield one line for all tasks of a state: `queued: load, store`."""
    states: dict[str, list[str]] = {}
    for task in tasks:
        if not task.is_final:
            states.setdefault(task.state if task.state != NO_STATE else "not scheduled yet", []).append(task.name)
    for state, names in states.items():
        yield f"{state}: {', '.join(names)}"
