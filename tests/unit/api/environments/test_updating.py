"""An update writes `mwaa.yaml` anew where it is ours, and leaves a user's alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.environment_file import HEADING
from mwaa_local.api.environments.job import Job
from mwaa_local.api.environments.record import Operation, Record
from mwaa_local.api.environments.updating import _start
from mwaa_local.environment.environment import Environment
from mwaa_local.plan import Component, LogReady, Plan
from mwaa_local.project import Project
from tests.fakes import FakeRuntime

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


def a_worker(name: str) -> Component:
    return Component(name, (), {}, LogReady("ready"))


@dataclass
class GrowsMeanwhile(FakeRuntime):
    """Its observer adds a worker between the first look at the plan and the second; who leaves has left then."""

    looks: int = 0
    carried_out: list[Plan] = field(default_factory=list)

    def running_plan(self) -> Plan | None:
        self.looks += 1
        if self.looks == 2:
            self.before = self.plan.grown("worker", 1)
        return self.before

    def resize(self, plan: Plan) -> None:
        self.carried_out.append(plan)
        self.before = plan.without_left(())


def test_worker_that_comes_while_others_are_waited_for_stays(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mwaa_local.api.environments.job.LEAVING_PAUSE_S", 0.0)
    plan = Plan((a_worker("worker.2"),), "3.3.1", {}, "", "", "q", "", leaving={"worker.1": 1.0})
    runtime = GrowsMeanwhile(plan, before=plan)
    job.workspace.__dict__["runtime"] = runtime
    with job.workspace.exclusive():  # makes its folders
        pass
    job.wait_for_workers()
    carried_out = [[item.name for item in plan.components] for plan in runtime.carried_out]
    assert carried_out == [["worker.2", "worker.3"]]
