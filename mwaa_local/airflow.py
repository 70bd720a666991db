"""AirflowClient: what the launcher asks a running Airflow: health, import errors, DAG runs.

Reads come from the metadata database, which every release has in nearly the same shape; runs are made by a program of
ours in the scheduler's environment, since no interface of Airflow makes a run with the dates that the scheduler gives.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mwaa_local.dag_run import SCRIPT_PATH, RunDates, WantedRun, read_answer
from mwaa_local.database.health import HEARTBEAT_LIMIT_S, Health
from mwaa_local.database.metadata import FINAL_RUN_STATES, Metadata, TaskRow
from mwaa_local.errors import DagRunFailed
from mwaa_local.event import READY, ComponentStatus, Event
from mwaa_local.plan import HeartbeatReady, HttpReady, Plan
from mwaa_local.release import Release
from mwaa_local.runtime.protocol import Runtime
from mwaa_local.runtime.readiness import page_answers

DAG_RUN_TIMEOUT_S = 600.0
TOLD_EVERY_S = 15.0  # what a run is waiting for
POLL_PAUSE_S = 0.1
# Longer than the web server of Airflow 3 is busy with building its task API, just after a start on a slow machine.
PAGE_TIMEOUT_S = 20.0
UNHEALTHY = "unhealthy"
# Which option of the user's changes HEARTBEAT_LIMIT_S (`health_check_threshold` in airflow/jobs/job.py).
HEARTBEAT_LIMIT_VARIABLES = {
    "SchedulerJob": "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD",
    "TriggererJob": "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD",
}
TRIGGERED = "was triggered"
# How `airflow tasks failed-deps` begins its list, in every release since 2.0.
UNMET_HEADING = "Task instance dependencies not met:"
STATE_DEPENDENCY = "Task Instance State:"  # a task that has not begun never has the state of one that may begin

LogOf = Callable[[TaskRow, str], str]  # of a task of a run with this logical date


@dataclass(frozen=True)
class Figures:
    """What the servers report about a running environment; None if they do not answer."""

    heartbeat_ages_s: dict[str, float]  # component -> seconds since its newest heartbeat
    heartbeat_limits_s: dict[str, float]  # component -> from when on it counts as unhealthy
    silent: dict[str, str]  # component -> the question to which it gave no answer
    dags: int | None
    import_errors: int
    queued_messages: int | None

    def judge(self, statuses: list[ComponentStatus]) -> list[ComponentStatus]:
        """Return the statuses, a component that does not answer or sends no heartbeats marked as unhealthy."""
        return [self._judge(status) for status in statuses]

    def _judge(self, status: ComponentStatus) -> ComponentStatus:
        if status.state == READY and status.name in self.silent:
            return replace(status, state=UNHEALTHY, detail=self.silent[status.name])
        age_s = self.heartbeat_ages_s.get(status.name)
        if (
            status.state != READY
            or age_s is None
            or age_s <= self.heartbeat_limits_s.get(status.name, HEARTBEAT_LIMIT_S)
        ):
            return status
        return replace(status, state=UNHEALTHY, detail=f"no heartbeat for {age_s:.0f} s")

    def line(self) -> str:
        unknown = "unknown"
        return (
            f"DAGs {unknown if self.dags is None else self.dags}, import errors {self.import_errors}, "
            f"messages in the queue {unknown if self.queued_messages is None else self.queued_messages}"
        )


def dags_path(file: str) -> str:
    """Return a DAG file as a project has it, where Airflow names it below dags/."""
    return file if file.startswith("/") else f"dags/{file}"


class AirflowClient:
    """Asks one running environment."""

    def __init__(self, runtime: Runtime, plan: Plan) -> None:
        self._runtime = runtime
        self._plan = plan
        self._health = Health(plan.database_url, plan.broker_url)

    @functools.cached_property
    def _release(self) -> Release:
        return Release.load(self._plan.airflow_version)

    def figures(self) -> Figures:
        return Figures(
            heartbeat_ages_s=self._heartbeat_ages_s(),
            heartbeat_limits_s=self._heartbeat_limits_s(),
            silent=self._silent(),
            dags=self._health.dag_count(),
            import_errors=self._health.import_error_count(),
            queued_messages=self._health.queue_length(self._plan.queue),
        )

    def _heartbeat_ages_s(self) -> dict[str, float]:
        """Return them by component. A row does not say of which of several it is: the oldest goes to the last one."""
        names: dict[str, list[str]] = {}
        for component in self._plan.components:
            if isinstance(component.ready, HeartbeatReady):
                names.setdefault(component.ready.job_type, []).append(component.name)
        ages_s: dict[str, float] = {}
        for job_type, alike in names.items():
            beats = self._health.newest_heartbeats(job_type, len(alike))
            ages_s |= {name: round(time.time() - beat, 1) for name, beat in zip(alike, beats, strict=False)}
        return ages_s

    def _heartbeat_limits_s(self) -> dict[str, float]:
        limits_s = {}
        for component in self._plan.components:
            if isinstance(component.ready, HeartbeatReady):
                value = component.env.get(HEARTBEAT_LIMIT_VARIABLES.get(component.ready.job_type, ""), "")
                with contextlib.suppress(ValueError):
                    limits_s[component.name] = float(value or HEARTBEAT_LIMIT_S)
        return limits_s

    def _silent(self) -> dict[str, str]:
        """Ask those that can be asked; return what those said that did not answer."""
        silent = {}
        if not self._health.database_answers():
            silent["postgres"] = f"no answer to a query: {self._health.last_error}"
        if not self._health.broker_answers():
            silent["redis"] = f"no answer to a ping: {self._health.last_error}"
        webserver = self._plan.component("webserver")
        if webserver and isinstance(webserver.ready, HttpReady) and not page_answers(webserver.ready, PAGE_TIMEOUT_S):
            silent["webserver"] = f"{webserver.ready.url} does not answer"
        return silent

    def import_errors(self) -> list[tuple[str, str]]:
        """Return (file, last line of its traceback) of every DAG file that cannot be imported: `dags/x.py`."""
        failures = self.metadata().import_failures()
        return [(dags_path(item.file), item.trace.splitlines()[-1]) for item in failures if item.trace]

    def run_dag(self, wanted: WantedRun, on_event: Callable[[Event], None], log_of: LogOf) -> RunDates:
        """Trigger a run of a known DAG, wait until it succeeded, and return its dates; the run's id is made here.

        Raises DagRunFailed when it does not succeed; `log_of` says what a task that failed wrote last. A DAG that is
        paused is unpaused only then: the scheduler finds the run there, and makes no other one for the same interval.
        """
        started = time.monotonic()
        dag_id, run_id = wanted.dag_id, f"mwaa_local__{datetime.now(UTC).isoformat(timespec='milliseconds')}"
        dates = self.trigger(replace(wanted, run_id=run_id))
        if self._health.dag_is_paused(dag_id):
            self.metadata().set_paused([dag_id], paused=False)
        on_event(Event("dag run", "working", detail=f"{dag_id} {TRIGGERED}: {dates.line()}"))
        state = self._wait_for_run(dag_id, run_id, on_event)
        if state != "success":
            raise self._failure(dag_id, run_id, state, log_of)
        on_event(Event("dag run", "done", time.monotonic() - started, f"{dag_id} succeeded"))
        return dates

    def metadata(self, dags_dir: str = "") -> Metadata:
        """Return the metadata database's view of DAGs and runs; `dags_dir` is the folder's path on this machine."""
        return Metadata(self._health, [f"{self._plan.home_dir}/dags", *([dags_dir] if dags_dir else [])])

    def trigger(self, wanted: WantedRun) -> RunDates:
        """Have a run made and return its dates. Raises DagRunFailed when it cannot be, DagNotDue when it is early."""
        return read_answer(wanted, *self._runtime.capture("scheduler", [wanted.request()], SCRIPT_PATH))

    def unmet(self, dag_id: str, task_id: str, run_id: str, logical_date: str) -> list[str]:
        """Return what a task instance waits for, in Airflow's words; nothing if Airflow does not know."""
        values = {"dag_id": dag_id, "task_id": task_id, "run_id": run_id, "logical_date": logical_date}
        words = [word.format_map(values) for word in self._release.failed_deps_argv]
        exit_code, output = self._runtime.capture("scheduler", words)
        if exit_code != 0:
            return []
        lines = output.splitlines()
        begin = next((number for number, line in enumerate(lines) if line.startswith(UNMET_HEADING)), len(lines))
        found = [line.strip() for line in lines[begin + 1 :] if ": " in line]
        return [line for line in found if not line.startswith(STATE_DEPENDENCY)]

    def queued_messages(self) -> int | None:
        """Return how many messages wait in the environment's queue; None when the broker does not answer."""
        return self._health.queue_length(self._plan.queue)

    def close(self) -> None:
        self._health.close()

    def _wait_for_run(self, dag_id: str, run_id: str, on_event: Callable[[Event], None]) -> str:
        """Return the state in which the run ended, or its state at the end of our patience; tell why it waits."""
        began = told = time.monotonic()
        while True:
            state = self._health.dag_run_state(dag_id, run_id) or "unknown"
            now = time.monotonic()
            if state in FINAL_RUN_STATES or now > began + DAG_RUN_TIMEOUT_S:
                return state
            if now > told + TOLD_EVERY_S:
                told = now
                detail = f"{dag_id} is {self._progress(dag_id, run_id, state)}"
                on_event(Event("dag run", "working", now - began, detail))
            time.sleep(POLL_PAUSE_S)

    def _progress(self, dag_id: str, run_id: str, state: str) -> str:
        others = [name for name in self.metadata().active_runs(dag_id) if name != run_id]
        if state == "queued" and others:
            return f"queued: max_active_runs lets it wait for {', '.join(others)}"
        tasks = told_tasks(self._health.task_states(dag_id, run_id))
        return f"{state}: {tasks}" if tasks else state

    def _failure(self, dag_id: str, run_id: str, state: str, log_of: LogOf) -> DagRunFailed:
        is_over = state in FINAL_RUN_STATES
        end = f"ended as {state}" if is_over else f"is not over after {DAG_RUN_TIMEOUT_S:.0f} s"
        rows = [row for row in self.metadata().task_instances([run_id]) or () if row.dag_id == dag_id]
        tasks = ", ".join(f"{row.name} {row.state}" for row in rows)
        why = [f"Its tasks: {tasks}." if tasks and is_over else f"It is {self._progress(dag_id, run_id, state)}."]
        date = next((row.logical_date for row in self.metadata().runs([run_id]) or () if row.dag_id == dag_id), "")
        why += [log_of(row, date) for row in rows if row.state == "failed"][:1]
        hint = (
            "mwaa-local logs --group Task --since 1h"
            if is_over
            else f"mwaa-local logs -f; the run goes on, as {run_id}"
        )
        return DagRunFailed(f"the run of {dag_id} {end}", "\n".join(filter(None, why)), hint)


def told_tasks(states: Iterable[tuple[str, str]]) -> str:
    """Return tasks with their states, but for those that succeeded; instances of a mapped task are counted."""
    counts = Counter(each for each in states if each[1] != "success")
    return ", ".join(
        f"{task} {state}" + (f" ({count})" if count > 1 else "") for (task, state), count in counts.items()
    )
