"""Updates that the faults `update-failed` and `rollback-failed` make fail: the statuses, and what runs afterwards.

All but Airflow is real: a job that notes with which members it would start, in the place of starting.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.environment_file import is_ours
from mwaa_local.api.environments.environment_file import write as write_file
from mwaa_local.api.environments.faults import ROLLBACK_FAILS, UPDATE_FAILS, Fault, Faults
from mwaa_local.api.environments.job import Job
from mwaa_local.api.environments.record import Operation, Record
from mwaa_local.api.environments.status import Look, status_of
from mwaa_local.api.environments.work import work
from mwaa_local.environment.environment import Environment
from mwaa_local.environment.local import LocalSettings
from mwaa_local.errors import ComponentNotReady
from mwaa_local.project import Project

BEFORE = {"AirflowVersion": "3.3.1", "MaxWorkers": 2, "MinWorkers": 1}
AFTER = {**BEFORE, "MaxWorkers": 3}
HEALTHY = Look(0.0, is_running=True, is_healthy=True)


class Noting(Job):
    """Notes the statuses that clients would see, and what would run; `unable` are worker counts that do not come up."""

    def __init__(self, project: Project, env: dict[str, str], operation_id: str) -> None:
        super().__init__(project, env, operation_id)
        self.seen: list[str] = []
        self.runs: list[int] = []
        self.unable: list[int] = []

    def change(self, to: Callable[[Record], Record]) -> None:
        super().change(to)
        record = records.load(self.project)
        assert record is not None
        status = status_of(record, HEALTHY)
        if self.seen[-1:] != [status]:
            self.seen.append(status)

    def start(self, environment: Environment, *, graceful: bool = False) -> None:
        if environment.max_workers in self.unable:
            raise ComponentNotReady("the web server is not ready", "It says so.", "look into its log")
        self.runs.append(environment.max_workers)

    def stop(self, *, now: bool) -> None:
        self.runs.append(0)


@pytest.fixture
def job(tmp_path: Path, clean_env: dict[str, str]) -> Noting:
    project = Project(tmp_path / "demo")
    project.root_dir.mkdir()
    operation = Operation.new(records.UPDATE, AFTER)
    records.save(project, Record("demo", records.BY_API, 0.0, BEFORE, settled="AVAILABLE", operation=operation))
    write_file(project, "demo", BEFORE, {}, LocalSettings())
    return Noting(project, clean_env, operation.id)


def ended(job: Noting) -> Record:
    record = records.load(job.project)
    assert record is not None
    assert record.operation is None
    return record


def let_fail(job: Noting, *names: str, times: int = 0) -> None:
    for name in names:
        Faults.of(job.project).set(Fault(name, time.time(), times=times))


def error_of(record: Record) -> dict[str, str]:
    assert record.last_update is not None
    assert record.last_update["Status"] == "FAILED"
    error: dict[str, str] = record.last_update["Error"]
    return error


def test_without_a_fault_it_is_updated(job: Noting) -> None:
    work(job)
    assert job.seen == ["UPDATING", "AVAILABLE"]
    assert (job.runs, ended(job).members) == ([3], AFTER)


def test_update_is_made_and_rolled_back(job: Noting) -> None:
    let_fail(job, UPDATE_FAILS, times=1)
    work(job)
    record = ended(job)
    assert job.seen == ["UPDATING", "ROLLING_BACK", "UPDATE_FAILED"]
    assert job.runs == [3, 2], "the update came up, and then what was before"
    assert error_of(record) == {
        "ErrorCode": "mwaa-local.FaultAsked",
        "ErrorMessage": "mwaa-local: UpdateEnvironment was made to fail",
    }
    assert record.members == BEFORE
    assert "MaxWorkers: 2" in job.project.environment_path.read_text()
    assert is_ours(job.project)
    assert [event.what for event in record.events][-1] == "rolled back: the environment runs as before the update"
    assert Faults.of(job.project).listed() == [], "it was asked for once"


def test_rollback_that_fails_leaves_what_the_update_started(job: Noting) -> None:
    let_fail(job, UPDATE_FAILS, ROLLBACK_FAILS)
    work(job)
    record = ended(job)
    assert job.seen == ["UPDATING", "ROLLING_BACK", "UNAVAILABLE"], "whatever runs, nobody has seen it to be right"
    assert job.runs == [3]
    assert error_of(record)["ErrorMessage"] == "mwaa-local: UpdateEnvironment was made to fail"
    assert record.members == BEFORE
    failed = record.events[-1]
    assert (failed.what, failed.is_failure) == ("the rollback failed: the rollback was made to fail", True)


def test_update_after_a_rollback_that_failed_mends_it(job: Noting) -> None:
    let_fail(job, UPDATE_FAILS, ROLLBACK_FAILS, times=1)
    work(job)
    operation = Operation.new(records.UPDATE, AFTER)
    records.change(job.project, lambda record: replace(record, operation=operation))
    again = Noting(job.project, job.env, operation.id)
    work(again)
    assert again.seen == ["UPDATING", "AVAILABLE"]
    assert (again.runs, ended(again).members) == ([3], AFTER)


def test_rollback_fault_alone_changes_nothing(job: Noting) -> None:
    let_fail(job, ROLLBACK_FAILS)
    work(job)
    assert (job.seen, job.runs) == (["UPDATING", "AVAILABLE"], [3])


def test_state_of_before_that_does_not_start_beside_what_runs_is_started_after_a_stop(job: Noting) -> None:
    class OnlyAfterAStop(Noting):
        def stop(self, *, now: bool) -> None:
            super().stop(now=now)
            self.unable = []

    job.__class__ = OnlyAfterAStop
    job.unable = [2]
    let_fail(job, UPDATE_FAILS)
    work(job)
    assert (job.seen[-1], job.runs) == ("UPDATE_FAILED", [3, 0, 2])


def test_state_of_before_that_starts_no_more_is_unavailable(job: Noting) -> None:
    job.unable = [2]
    let_fail(job, UPDATE_FAILS)
    work(job)
    assert (job.seen[-1], job.runs) == ("UNAVAILABLE", [3, 0])
    assert ended(job).events[-1].why == "It says so."
