"""What is made of the answers of a running Airflow's servers."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import psycopg2
import pytest

from mwaa_local import airflow
from mwaa_local.airflow import UNHEALTHY, AirflowClient, told_tasks
from mwaa_local.dag_run import WantedRun
from mwaa_local.database.metadata import Metadata
from mwaa_local.errors import DagRunFailed
from mwaa_local.event import READY, ComponentStatus, Event
from mwaa_local.guest.dag_dates import ANSWER, MADE
from mwaa_local.plan import Component, HeartbeatReady, Plan
from tests.fakes import FakeRuntime
from tests.unit.database.test_metadata import metadata
from tests.unit.docker.test_health import database

__all__ = ["database", "metadata"]

NOWHERE = "postgresql://127.0.0.1:1/nowhere"


@pytest.mark.parametrize(("option", "is_well"), [("", False), ("120", True), ("50", False), ("soon", False)])
def test_heartbeat_is_too_old_after_what_the_user_says(option: str, is_well: bool) -> None:
    env = {"AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": option} if option else {}
    scheduler = Component("scheduler", ("a",), env, HeartbeatReady("SchedulerJob"))
    plan = Plan((scheduler,), "3.3.1", {}, NOWHERE, "redis://127.0.0.1:1/0", "q", "/")
    figures = AirflowClient(FakeRuntime(plan), plan).figures()
    figures = dataclasses.replace(figures, heartbeat_ages_s={"scheduler": 60.0})
    (judged,) = figures.judge([ComponentStatus("scheduler", READY)])
    assert judged.state == (READY if is_well else UNHEALTHY)


class MakesRun(FakeRuntime):
    """A runtime whose Airflow makes each run that is asked for, in this state, and takes it no further."""

    def __init__(self, plan: Plan, state: str, task_state: str) -> None:
        super().__init__(plan)
        self._url, self._states = plan.database_url, (state, task_state)

    def capture(self, component: str, argv: Sequence[str], script: Path | None = None) -> tuple[int, str]:
        request = json.loads(argv[0])
        state, task_state = self._states
        with contextlib.closing(psycopg2.connect(self._url)) as connection, connection, connection.cursor() as cursor:
            row = (request["dag_id"], request["run_id"], state)
            cursor.execute("INSERT INTO dag_run (dag_id, run_id, state, logical_date) VALUES (%s, %s, %s, now())", row)
            row = (request["dag_id"], request["run_id"], task_state)
            cursor.execute(
                "INSERT INTO task_instance (dag_id, run_id, task_id, state) VALUES (%s, %s, 'load', %s)", row
            )
        return 0, f"{ANSWER}{json.dumps({'outcome': MADE, 'kind': 'manual'})}\n"


def failure_of(url: str, state: str, task_state: str) -> tuple[DagRunFailed, list[str]]:
    """Return how `up --run` of a DAG fails whose run stays in this state, and what it told before."""
    plan = Plan((), "3.3.1", {}, url, "redis://127.0.0.1:1/0", "q", "/home")
    client = AirflowClient(MakesRun(plan, state, task_state), plan)
    events: list[Event] = []
    with pytest.raises(DagRunFailed) as caught:
        client.run_dag(WantedRun("etl", ""), events.append, lambda row, date: f"log of {row.name} on {date[:2]}")
    client.close()
    return caught.value, [event.detail for event in events[1:]]


@pytest.mark.parametrize("metadata", ["3.3.1"], indirect=True)
def test_run_that_does_not_end_well_says_what_it_waits_for_and_why(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airflow, "DAG_RUN_TIMEOUT_S", 1.0)
    monkeypatch.setattr(airflow, "TOLD_EVERY_S", 0.1)
    url = metadata._health.database_url
    failed, _ = failure_of(url, "failed", "failed")
    assert failed.what == "the run of etl ended as failed"
    assert failed.why == "Its tasks: load failed.\nlog of load on 20"
    going, told = failure_of(url, "running", "queued")
    assert going.what == "the run of etl is not over after 1 s"
    assert going.why == told[0].replace("etl is", "It is") + "."
    assert told[0] == "etl is running: load queued"
    assert "the run goes on, as mwaa_local__" in going.hint
    _, told = failure_of(url, "queued", "none")
    assert told[0].startswith("etl is queued: max_active_runs lets it wait for mine, other, mwaa_local__")


def test_instances_of_a_mapped_task_are_counted() -> None:
    states = [("get", "success"), *[("nap", "running")] * 2, ("nap", "queued"), ("end", "none"), ("nap", "running")]
    assert told_tasks(states) == "nap running (3), nap queued, end none"
