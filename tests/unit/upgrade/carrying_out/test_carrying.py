"""What fails, is interrupted or is a mistake of ours is undone, and said in MWAA's words."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from mwaa_local.dag_run import RunDates, WantedRun
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import (
    AccessDenied,
    DagRunFailed,
    DiskFull,
    EnvironmentFileInvalid,
    ImageBuildFailed,
    MwaaLocalError,
    PortInUse,
    UpgradeFailed,
)
from mwaa_local.event import Event
from mwaa_local.lifecycle import Lifecycle, Listener
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.databases import Databases
from mwaa_local.runtime.ports import port_in_use
from mwaa_local.smoke.selection import SelectionWrong
from mwaa_local.upgrade.carrying_out import journal
from mwaa_local.upgrade.carrying_out.carrying import Carrying, Upgrade, Watch
from mwaa_local.upgrade.carrying_out.settling import settle
from mwaa_local.wanted import Wanted
from mwaa_local.workspace import Workspace
from tests.fakes import FakeRuntime
from tests.unit.upgrade.carrying_out.test_database_move import FakeDatabases

SOURCE, TARGET = "2.10.3", "2.11.2"
FILE = f'# mine\nAirflowVersion: "{SOURCE}"\nLocal: {{Runtime: process, WebserverPort: 0}}\n'
NOBODY = 65534  # the id of a user without any rights, by custom
NOWHERE = "postgresql://127.0.0.1:1/nowhere"
PLAN = Plan((), SOURCE, {"door": 8080}, NOWHERE, "redis://127.0.0.1:1/0", "q", "/")


@dataclass
class FailingDatabases(FakeDatabases):
    """Removing one raises this, so many times; and what a release needs is not to be had."""

    error: BaseException | None = None
    times: int = 1
    not_ready: MwaaLocalError | None = None

    def prepare(self, wanted: Wanted, on_event: Callable[[Event], None]) -> None:
        super().prepare(wanted, on_event)
        if self.not_ready is not None:
            raise self.not_ready

    def remove(self, version: str) -> None:
        if self.error is not None and self.times:
            self.times -= 1
            raise self.error
        super().remove(version)


@dataclass
class RuntimeWithDatabases(FakeRuntime):
    kept: FailingDatabases = field(default_factory=lambda: FailingDatabases({}))

    @property
    def databases(self) -> Databases:
        return self.kept


@dataclass
class House:
    """A project whose environment lives in a fake runtime, and the steps that were told."""

    workspace: Workspace
    runtime: RuntimeWithDatabases
    steps: list[str] = field(default_factory=list)

    @property
    def lifecycle(self) -> Lifecycle:
        return Lifecycle(self.workspace, Listener(), lambda _kind, _project, _env: self.runtime)

    @property
    def watch(self) -> Watch:
        return Watch(Listener(), lambda at: self.steps.append(at.step))

    def upgrade(
        self,
        wanted: Callable[[], Environment] | None = None,
        watch: Watch | None = None,
        dags: tuple[str, ...] = (),
        port: int | None = None,
    ) -> None:
        asked = Upgrade(Release.load(SOURCE), Release.load(TARGET), "process", port, dags, wanted=wanted)
        Carrying.begin(self.workspace, asked, watch or self.watch, self.lifecycle).carry_out()

    @property
    def file(self) -> str:
        return self.workspace.project.environment_path.read_text()

    @property
    def journal(self) -> journal.Journal | None:
        return journal.load(self.workspace.project)


def house_in(root_dir: Path) -> House:
    (root_dir / "dags").mkdir()
    (root_dir / "mwaa.yaml").write_text(FILE)
    return House(Workspace(Project(root_dir), {"HOME": str(root_dir)}), RuntimeWithDatabases(PLAN))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return house_in(tmp_path)


@contextlib.contextmanager
def ordinary_user() -> Iterator[None]:
    """Have no more rights than an ordinary user has meanwhile: root may write everywhere."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


def test_folder_that_is_not_to_be_written_ends_it_before_anything_stops() -> None:
    with tempfile.TemporaryDirectory() as folder:  # not pytest's, which other users may not enter
        house = house_in(Path(folder))
        house.workspace.project.make_state_dir()
        state_dir = house.workspace.project.state_dir
        if os.geteuid() == 0:
            for path in (state_dir, *state_dir.iterdir()):
                os.chown(path, NOBODY, NOBODY)  # what is below may be written
        Path(folder).chmod(0o555)
        house.runtime.before = PLAN
        with ordinary_user(), pytest.raises(AccessDenied, match=f"not allowed to use {folder}") as raised:
            house.upgrade()
        Path(folder).chmod(0o755)
        assert "The upgrade writes AirflowVersion into mwaa.yaml there.\nNothing was changed." in raised.value.why
        assert (house.file, house.journal, house.steps) == (FILE, None, [])
        assert not any(call.startswith("stop") for call in house.runtime.calls)


def test_snapshot_that_cannot_be_taken_ends_it_before_anything_is_copied(house: House) -> None:
    house.runtime.kept.kept[SOURCE] = "history"  # whose server does not answer
    with pytest.raises(UpgradeFailed, match="failed while taking a snapshot") as raised:
        house.upgrade()
    words = [status for status, _ in raised.value.statuses]
    assert words == ["UPDATING", "CREATING_SNAPSHOT", "ROLLING_BACK", "UPDATE_FAILED"]
    assert f"Airflow {SOURCE} is back" in raised.value.why
    assert raised.value.exit_code == 3
    assert (house.file, house.journal, house.runtime.kept.kept) == (FILE, None, {SOURCE: "history"})
    assert journal.COPYING not in house.steps


def test_what_the_new_release_needs_is_there_before_anything_stops(house: House) -> None:
    house.runtime.before = PLAN
    house.runtime.kept.not_ready = ImageBuildFailed("the image could not be built", "no network", "connect")
    with pytest.raises(ImageBuildFailed) as raised:
        house.upgrade()
    assert (raised.value.why, raised.value.hint) == ("no network\nNothing was changed.", "connect")
    assert (house.file, house.journal, house.steps) == (FILE, None, [])
    assert house.runtime.kept.prepared == [TARGET]
    assert not any(call.startswith("stop") for call in house.runtime.calls)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("named_by", ["file", "option"])
def test_port_of_a_stranger_ends_it_before_anything_stops(house: House, taken: int, named_by: str) -> None:
    if named_by == "file":
        house.workspace.project.environment_path.write_text(FILE.replace("Port: 0", f"Port: {taken}"))
    house.runtime.before = PLAN if named_by == "option" else None
    with pytest.raises(PortInUse, match=f"port {taken} is already in use") as raised:
        house.upgrade(port=taken if named_by == "option" else None)
    assert f"`mwaa-local upgrade --to {TARGET} --yes --port 0`" in raised.value.hint
    assert raised.value.why.endswith("Nothing was changed.")
    assert (house.journal, house.steps) == (None, [])
    assert not any(call.startswith("stop") for call in house.runtime.calls)


def test_port_that_the_environment_itself_has_is_fine(house: House, taken: int) -> None:
    house.runtime.before = replace(PLAN, ports={"door": taken})
    house.runtime.failure = DiskFull("no space left", "the disk", "make room")
    with pytest.raises(UpgradeFailed, match="failed while starting"):
        house.upgrade()


def test_port_that_is_taken_meanwhile_has_the_hint_of_the_upgrade(house: House) -> None:
    house.runtime.failure = port_in_use("door", 8080, "another program", {})
    with pytest.raises(UpgradeFailed) as raised:
        house.upgrade()
    assert f"`mwaa-local upgrade --to {TARGET} --yes --port 0`" in raised.value.hint
    assert "mwaa-local up " not in raised.value.hint
    assert raised.value.why.endswith(f"Airflow {SOURCE} is back."), "there was no database"


def test_queue_is_emptied_on_the_way_back_if_the_new_release_may_have_used_it(house: House) -> None:
    house.runtime.failure = DiskFull("no space left", "the disk", "make room")
    with pytest.raises(UpgradeFailed, match="failed while starting"):
        house.upgrade()
    assert house.runtime.calls.count("remove queue") == 2
    house.runtime.calls.clear()
    house.runtime.kept.error = DiskFull("no space left", "the disk", "make room")
    with pytest.raises(UpgradeFailed, match="failed while copying"):
        house.upgrade()
    assert "remove queue" not in house.runtime.calls, "it is that of the release of before"
    assert house.runtime.kept.tidied == 2


def test_start_that_fails_brings_file_and_database_back(house: House) -> None:
    house.runtime.failure = DiskFull("no space left", "the disk", "make room")
    with pytest.raises(UpgradeFailed, match="failed while starting the new release: no space left") as raised:
        house.upgrade()
    assert (raised.value.hint, house.file, house.journal) == ("make room", FILE, None)
    assert house.steps[-3:] == [journal.STARTING, journal.ROLLING_BACK, journal.ROLLING_BACK]
    assert house.runtime.wanted[-1].environment.airflow_version == TARGET
    assert not house.runtime.running, "it did not run before"


def test_no_named_dag_runs_where_another_is_not_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def wait(_project: object, _release: object, _metadata: object, dag_id: str, _tell: object) -> None:
        if dag_id == "nosuch":
            raise SelectionWrong("no DAG 'nosuch'", "DAGs that exist: etl.")

    def run_one(_workspace: object, _release: object, _started: object, wanted: WantedRun, _tell: object) -> RunDates:
        ran.append(wanted.dag_id)
        return RunDates()

    monkeypatch.setattr("mwaa_local.smoke.one_run.wait_for_dag", wait)
    monkeypatch.setattr("mwaa_local.upgrade.carrying_out.carrying.run_one", run_one)
    monkeypatch.setattr("mwaa_local.upgrade.carrying_out.carrying.wait_until_healthy", lambda _lifecycle: None)
    with pytest.raises(UpgradeFailed, match="no DAG 'nosuch'") as raised:
        house.upgrade(dags=("etl", "nosuch"))
    assert (ran, raised.value.exit_code, house.file, house.journal) == ([], 1, FILE, None)
    assert raised.value.hint == "name a DAG that exists with --run"
    house.upgrade(dags=("etl", "report"))
    assert ran == ["etl", "report"]


@pytest.mark.parametrize("dags", [(), ("etl",)])
def test_running_of_dags_is_said_only_where_some_are_named(
    house: House, monkeypatch: pytest.MonkeyPatch, dags: tuple[str, ...]
) -> None:
    here, told = "mwaa_local.upgrade.carrying_out.carrying", list[str]()
    monkeypatch.setattr(f"{here}.run_one", lambda *_: RunDates())
    monkeypatch.setattr(f"{here}.wait_for_all", lambda *_: None)
    monkeypatch.setattr(f"{here}.wait_until_healthy", lambda _lifecycle: None)
    house.upgrade(dags=dags, watch=Watch(Listener(lambda event: told.append(event.detail))))
    assert journal.STARTING in told
    assert (journal.RUNNING in told) is bool(dags)


def test_what_a_failure_leaves_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_one(_workspace: object, _release: object, _started: object, wanted: WantedRun, _tell: object) -> RunDates:
        if wanted.dag_id == "bad":
            raise DagRunFailed("the run of bad ended as failed")
        return RunDates("2026-01-01")

    here = "mwaa_local.upgrade.carrying_out"
    monkeypatch.setattr(f"{here}.carrying.run_one", run_one)
    monkeypatch.setattr(f"{here}.carrying.wait_for_all", lambda *_: None)
    monkeypatch.setattr(f"{here}.carrying.wait_until_healthy", lambda _lifecycle: None)
    monkeypatch.setattr(f"{here}.snapshot.take", lambda _project, _databases, version, _of, _tell: f"of-{version}")
    house.runtime.kept.kept = {SOURCE: "history", TARGET: "earlier use"}
    with pytest.raises(UpgradeFailed) as raised:
        house.upgrade(dags=("etl", "bad", "never"))
    error = raised.value
    assert (error.snapshot, error.replaced_snapshot) == (f"of-{SOURCE}", f"of-{TARGET}")
    assert [(run["dag_id"], run["state"]) for run in error.runs] == [("etl", "success"), ("bad", "failed")]
    assert error.why.splitlines() == [
        f"Airflow {SOURCE} is back, with its database.",
        f"The snapshot stays: `mwaa-local db forget of-{SOURCE}` removes it.",
        f"The snapshot stays: `mwaa-local db forget of-{TARGET}` removes it.",
    ]


def test_interrupt_is_undone_and_stays_an_interrupt(house: House) -> None:
    house.runtime.kept.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt) as raised:
        house.upgrade()
    statuses = raised.value.statuses  # type: ignore[attr-defined]
    assert [status for status, _ in statuses][-2:] == ["ROLLING_BACK", "UPDATE_FAILED"]
    assert (house.file, house.journal) == (FILE, None)
    assert journal.ROLLING_BACK in house.steps


def test_mistake_of_ours_is_undone_and_keeps_its_traceback(house: House) -> None:
    house.runtime.kept.error = ValueError("a mistake")
    with pytest.raises(ValueError, match="a mistake"):
        house.upgrade()
    assert (house.file, house.journal) == (FILE, None)


def test_rollback_that_is_not_possible_is_left_to_the_next_command(house: House) -> None:
    house.runtime.kept.error = DiskFull("no space left", "the disk", "make room")
    house.runtime.kept.times = 2  # also when it is undone
    with pytest.raises(DiskFull) as raised:
        house.upgrade()
    assert "nothing of before is lost" in raised.value.why
    assert "make room; then the next command" in raised.value.hint
    left = house.journal
    assert left is not None
    assert [each.status for each in left.statuses][-2:] == ["ROLLING_BACK", "UNAVAILABLE"]

    settled = settle(house.workspace, house.watch, lifecycle=house.lifecycle)
    assert settled is not None
    assert settled.line == (
        f"an upgrade to Airflow {TARGET} was cut off while copying the database: undone, this is Airflow {SOURCE} "
        "again, and it is stopped"
    )
    assert (house.file, house.journal) == (FILE, None)


def test_file_that_cannot_be_changed_keeps_it_from_beginning(house: House) -> None:
    house.workspace.project.environment_path.write_text('Tags: {a: &v "2.10.3"}\nAirflowVersion: *v\n')
    with pytest.raises(EnvironmentFileInvalid):
        house.upgrade()
    assert house.journal is None
    assert house.runtime.calls == []


def test_nothing_killed_is_nothing_to_settle(house: House) -> None:
    assert settle(house.workspace, house.watch, lifecycle=house.lifecycle) is None
