"""The run phase with an Airflow that answers as told: when DAGs are unpaused, and what a DAG means that is not due."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from mwaa_local.dag_run import RunDates, WantedRun
from mwaa_local.database.metadata import Dag, RunRow
from mwaa_local.errors import DagNotDue
from mwaa_local.event import Event
from mwaa_local.smoke.judging import Ended
from mwaa_local.smoke.running import DagRuns, RunLimits, RunsWanted

DATES = RunDates("2026-01-01T00:00:00+00:00")
WHY = "its start_date is 2030-01-01T00:00:00+00:00: Airflow runs none of its tasks before"


class ToldAirflow:
    """Makes every run at once, and has it succeed; notes what happens in which order."""

    def __init__(self, failure: DagNotDue | None = None) -> None:
        self.failure = failure
        self.log: list[str] = []
        self.wanted: list[WantedRun] = []

    def trigger(self, wanted: WantedRun) -> RunDates:
        self.log.append(f"made {wanted.dag_id}")
        self.wanted.append(wanted)
        if self.failure is not None:
            raise self.failure
        return DATES

    def set_paused(self, dag_ids: list[str], *, paused: bool) -> None:
        self.log += [f"{'paused' if paused else 'unpaused'} {dag_id}" for dag_id in dag_ids]

    def runs(self, run_ids: list[str]) -> list[RunRow]:
        known = [wanted for wanted in self.wanted if f"unpaused {wanted.dag_id}" in self.log]
        return [RunRow(wanted.dag_id, wanted.run_id, "success", DATES.logical_date) for wanted in known]

    def task_instances(self, _run_ids: list[str]) -> list[object]:
        return []

    def give_up(self, _run_ids: list[str]) -> None:
        pass


def run(airflow: ToldAirflow, how: RunsWanted) -> tuple[list[Ended], list[str]]:
    ended: list[Ended] = []
    said: list[str] = []

    def tell(event: Event) -> None:
        said.append(event.detail)

    runs = DagRuns(
        cast(Any, SimpleNamespace(status=list)),
        cast(Any, airflow),
        cast(Any, airflow),
        RunLimits(parallel=1, dag_timeout_s=60.0),
        tell,
        lambda one, _date: ended.append(one),
    )
    runs.run([Dag("etl", "a.py", (), True, 16, 0.0)], how)
    return ended, said


def test_dag_is_unpaused_when_its_run_is_there_and_paused_again() -> None:
    """Otherwise the scheduler makes a run of its own of the same interval."""
    airflow = ToldAirflow()
    [ended], said = run(airflow, RunsWanted('{"a": 1}', "2026-01-01T00:00:00"))
    assert airflow.log == ["made etl", "unpaused etl", "paused etl"]
    assert [(one.conf, one.date) for one in airflow.wanted] == [('{"a": 1}', "2026-01-01T00:00:00")]
    assert (ended.state, ended.dates) == ("success", DATES)
    assert said == ["etl was triggered: logical date 2026-01-01T00:00:00+00:00"]


@pytest.mark.parametrize(("required", "state"), [({"etl"}, "not begun"), (set(), "not due")])
def test_dag_that_is_not_due_fails_only_where_it_was_named(required: set[str], state: str) -> None:
    airflow = ToldAirflow(DagNotDue("etl cannot run yet", WHY))
    [ended], _ = run(airflow, RunsWanted(required=frozenset(required)))
    assert ended.state == state
    assert (WHY in ended.problem, WHY in ended.waiting) == (bool(required), not required)
