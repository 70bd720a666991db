"""An update writes `mwaa.yaml` anew where it is ours, and leaves a user's alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.environment_file import HEADING
from mwaa_local.api.environments.job import Job
from mwaa_local.api.environments.record import Operation, Record
from mwaa_local.api.environments.updating import _start
from mwaa_local.environment.environment import Environment
from mwaa_local.project import Project

MINE = "Name: demo\nLocal: {WebserverPort: 0}\n"


class NothingStarts(Job):
    """A job that starts no Airflow: what is written before that is looked at."""

    def start(self, environment: Environment, *, graceful: bool = False) -> None:
        assert environment.max_workers == 3


@pytest.fixture
def job(tmp_path: Path, clean_env: dict[str, str]) -> Job:
    project = Project(tmp_path / "demo")
    project.root_dir.mkdir()
    operation = Operation.new(records.UPDATE, {})
    records.save(project, Record("demo", records.BY_API, 0.0, {}, operation=operation))
    return NothingStarts(project, clean_env, operation.id)


@pytest.mark.parametrize("is_link", [True, False])
def test_file_that_is_its_users_stays_and_is_told(job: Job, is_link: bool) -> None:
    path = job.project.environment_path
    if is_link:
        other = path.with_name("other.yaml")
        path.symlink_to(other)
        path = other
    mine = HEADING + MINE if is_link else MINE
    path.write_text(mine)
    _start(job, {"MaxWorkers": 3})
    assert path.read_text() == mine
    assert job.project.environment_path.is_symlink() is is_link
    assert job.record.events[-1].what == "mwaa.yaml stays as it is"


@pytest.mark.parametrize("before", [None, HEADING + MINE])
def test_file_that_is_ours_or_absent_is_written(job: Job, before: str | None) -> None:
    if before is not None:
        job.project.environment_path.write_text(before)
    _start(job, {"MaxWorkers": 3})
    assert "MaxWorkers: 3" in job.project.environment_path.read_text()
    assert job.record.events == ()
