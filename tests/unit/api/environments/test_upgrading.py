"""UpdateEnvironment with another version: what can fail it does so while it can be undone, and it is done once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments import updating, upgrading
from mwaa_local.api.environments.adopted import note_settled
from mwaa_local.api.environments.faults import UPDATE_FAILS, Fault, FaultAsked, Faults
from mwaa_local.api.environments.job import Job
from mwaa_local.api.environments.record import Operation, Record
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import ComponentFailed, UpgradeFailed
from mwaa_local.lifecycle import Lifecycle
from mwaa_local.project import Project
from mwaa_local.restoring.record import REPLACING, Recorder
from mwaa_local.restoring.record import Record as Restore
from mwaa_local.restoring.record import record_path as restore_path
from mwaa_local.runtime.choice import DOCKER_STATE_NAME
from mwaa_local.upgrade.carrying_out import journal
from mwaa_local.upgrade.carrying_out.journal import Journal
from mwaa_local.upgrade.carrying_out.settling import Settled

OLD, NEW = "2.10.3", "2.11.2"


class Starts(Job):
    """A job that starts no Airflow, but notes that it would."""

    started = 0
    failure: Exception | None = None

    def start(self, environment: Environment, *, graceful: bool = False) -> None:
        self.started += 1
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def job(tmp_path: Path, clean_env: dict[str, str]) -> Starts:
    project = Project(tmp_path / "demo")
    (project.root_dir / "dags").mkdir(parents=True)
    project.environment_path.write_text(f'AirflowVersion: "{OLD}"\nLocal: {{Runtime: process}}\n')
    operation = Operation.new(records.UPDATE, {"AirflowVersion": NEW})
    members = {"AirflowVersion": OLD}
    records.save(project, Record("demo", records.BY_UP, 0.0, members, operation=operation, settled="AVAILABLE"))
    return Starts(project, clean_env, operation.id)


def goes(monkeypatch: pytest.MonkeyPatch, *, is_started: bool) -> None:
    def upgrade(job: Job, wanted: Callable[[], Environment]) -> bool:
        assert wanted().airflow_version == NEW
        return is_started

    monkeypatch.setattr(upgrading, "upgrade", upgrade)


def test_what_the_upgrade_has_started_is_not_started_again(job: Starts, monkeypatch: pytest.MonkeyPatch) -> None:
    goes(monkeypatch, is_started=True)
    updating.update(job)
    record = records.load(job.project)
    assert record is not None
    assert (job.started, record.settled, record.members["AirflowVersion"]) == (0, "AVAILABLE", NEW)
    assert record.healthy_at > 0


def test_asked_failure_comes_while_all_can_be_undone(job: Starts, monkeypatch: pytest.MonkeyPatch) -> None:
    goes(monkeypatch, is_started=True)
    Faults.of(job.project).set(Fault(UPDATE_FAILS, 0.0))
    with pytest.raises(FaultAsked):  # out of the upgrade, which undoes itself then
        updating.update(job)
    assert job.started == 0


def test_start_after_a_killed_upgrade_that_fails_takes_nothing_back(
    job: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes(monkeypatch, is_started=False)
    job.failure = ComponentFailed("scheduler ended", "why", "hint")
    updating.update(job)
    record = records.load(job.project)
    assert record is not None
    assert (job.started, record.settled, record.operation) == (1, "UNAVAILABLE", None)
    assert record.members["AirflowVersion"] == NEW
    assert record.last_update is not None
    assert "scheduler ended" in record.last_update["Error"]["ErrorMessage"]


@pytest.mark.parametrize(("is_undone", "carried"), [(False, 0), (True, 1)])
def test_upgrade_that_a_killed_worker_had_finished_is_not_done_once_more(
    job: Starts, monkeypatch: pytest.MonkeyPatch, is_undone: bool, carried: int
) -> None:
    at = Journal(OLD, NEW, "process", 0.0, None, journal.encoded(b""), False).at(journal.RUNNING)
    monkeypatch.setattr(
        "mwaa_local.upgrade.carrying_out.settling.settle", lambda workspace, watch: Settled(at, is_undone)
    )
    begun: list[object] = []
    monkeypatch.setattr("mwaa_local.upgrade.carrying_out.carrying.carry_out", lambda *words: begun.append(words))
    assert upgrading.upgrade(job, Environment) is bool(carried)
    assert len(begun) == carried
    assert (job.operation.phase == records.UPGRADED) is not bool(carried)


@pytest.mark.parametrize(("step", "version", "settled"), [("up", NEW, "AVAILABLE"), ("down", OLD, "UPDATE_FAILED")])
def test_record_says_what_became_of_a_killed_command(job: Starts, step: str, version: str, settled: str) -> None:
    at = Journal(OLD, NEW, "process", 0.0, None, "", False).at(journal.RUNNING)
    at = at.with_status("AVAILABLE") if step == "up" else at.at(journal.ROLLING_BACK).with_status("UPDATE_FAILED")
    note_settled(job.project, at, "an upgrade was cut off")
    assert job.record.settled == "AVAILABLE", "the API's own operation is left to its worker"
    records.change(job.project, lambda record: replace(record, operation=Operation.new(records.UP, {})))
    note_settled(job.project, at, "an upgrade was cut off")
    record = records.load(job.project)
    assert record is not None
    assert (record.members["AirflowVersion"], record.settled, record.operation) == (version, settled, None)
    assert record.events[-1].what == "an upgrade was cut off"


@pytest.mark.parametrize("is_killed", [False, True], ids=["failed", "killed"])
def test_environment_of_before_comes_up_in_the_runtime_that_it_ran_in(
    job: Starts, monkeypatch: pytest.MonkeyPatch, is_killed: bool
) -> None:
    """`up --runtime docker` had chosen it, which the environment file and the API's own variables do not know."""
    real = Job(job.project, {**job.env, "MWAA_LOCAL_RUNTIME": ""}, job.operation.id)
    chosen: list[str] = []

    class Chosen(Exception):
        pass

    def choose(lifecycle: Lifecycle, kind: str) -> str:
        chosen.append(kind)
        raise Chosen

    def undone(*_: object) -> None:
        state_path.unlink()
        raise UpgradeFailed("it failed")

    state_path = job.project.run_dir / DOCKER_STATE_NAME
    state_path.parent.mkdir(parents=True)
    at = Journal(OLD, NEW, "docker", 0.0, None, "", False).at(journal.ROLLING_BACK)
    settled = Settled(at, is_undone=True) if is_killed else None
    monkeypatch.setattr("mwaa_local.upgrade.carrying_out.settling.settle", lambda workspace, watch: settled)
    monkeypatch.setattr("mwaa_local.upgrade.carrying_out.carrying.carry_out", undone)
    monkeypatch.setattr(Lifecycle, "choose", choose)
    if is_killed:
        upgrading.settle(real)
    else:
        state_path.touch()
        with pytest.raises(UpgradeFailed):
            upgrading.upgrade(real, Environment)
    for worker in (real, Job(job.project, real.env, job.operation.id)):  # the other one where the first was killed
        with pytest.raises(Chosen):
            worker.start(worker.environment(worker.record.members, worker.local()))
        assert (chosen.pop(), worker.runtime_kind()) == ("docker", "docker")


def test_killed_restore_is_settled_before_its_database_is_used(
    job: Starts, monkeypatch: pytest.MonkeyPatch, clean_env: dict[str, str]
) -> None:
    """Else a later command would take away the database that was made for it, with all that has come in since."""
    real = Job(job.project, clean_env, job.operation.id)

    class Stopped(Exception):
        pass

    def looked(*_: object) -> None:
        raise Stopped(records.load(job.project).events[-1].what)  # type: ignore[union-attr]

    monkeypatch.setattr(Lifecycle, "choose", looked)
    monkeypatch.setattr("mwaa_local.upgrade.carrying_out.carrying.carry_out", looked)
    ways = (
        lambda: real.start(real.environment(real.record.members, real.local())),
        lambda: upgrading.upgrade(real, Environment),
    )
    for way in ways:
        Recorder(job.project, Restore("airflow.dump", OLD, "process", REPLACING, is_new=True)).note()
        with pytest.raises(Stopped, match=f"a restore of airflow.dump into Airflow {OLD} was cut off"):
            way()
        assert not restore_path(job.project).exists()
