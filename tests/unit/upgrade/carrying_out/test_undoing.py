"""The way back: on a full disk, after an upgrade that had succeeded, with what somebody did meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local import files
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import (
    AlreadyRunning,
    DatabaseMissing,
    DiskFull,
    EnvironmentFileInvalid,
    PythonUnavailable,
    UpgradeFailed,
)
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.upgrade.carrying_out import environment_file, journal
from mwaa_local.upgrade.carrying_out.database_move import OURS, TargetDatabase
from mwaa_local.upgrade.carrying_out.journal import Journal
from mwaa_local.upgrade.carrying_out.settling import settle
from mwaa_local.wanted import Wanted
from mwaa_local.workspace import Workspace
from tests.unit.upgrade.carrying_out.test_carrying import FILE, NOWHERE, SOURCE, TARGET, House, RuntimeWithDatabases
from tests.unit.upgrade.carrying_out.test_database_move import FakeDatabases

RUNNING = Plan((), SOURCE, {}, NOWHERE, "redis://127.0.0.1:1/0", "q", "/")
FULL = DiskFull("no space left", "the disk", "make room")
HERE = "mwaa_local.upgrade.carrying_out"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A project with a database, whose environment is healthy as soon as it has started."""
    (tmp_path / "dags").mkdir()
    (tmp_path / "mwaa.yaml").write_text(FILE)
    for module in ("carrying", "undoing"):
        monkeypatch.setattr(f"{HERE}.{module}.wait_until_healthy", lambda lifecycle: None)
    monkeypatch.setattr(f"{HERE}.snapshot.take", lambda project, databases, version, of, tell: f"snapshot-{version}")
    house = House(Workspace(Project(tmp_path), {"HOME": str(tmp_path)}), RuntimeWithDatabases(RUNNING))
    house.runtime.kept.kept = {SOURCE: "history", TARGET: "earlier use"}
    return house


def test_full_disk_is_freed_by_the_rollback_though_nothing_can_be_written_before(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = files.write_surely
    is_full = False

    def write_if_room(path: Path, content: bytes, mode: int = 0o600) -> None:
        if is_full and house.runtime.kept.kept.get(TARGET, "").startswith("history"):
            raise FULL
        write(path, content, mode)

    def migrate(*_: object, **__: object) -> None:
        nonlocal is_full
        is_full = True
        raise FULL

    monkeypatch.setattr(f"{HERE}.journal.write_surely", write_if_room)
    monkeypatch.setattr(f"{HERE}.environment_file.write_surely", write_if_room)
    monkeypatch.setattr(house.runtime.kept, "run", migrate)
    with pytest.raises(UpgradeFailed, match="failed while migrating the copy: no space left") as raised:
        house.upgrade()
    assert [status for status, _ in raised.value.statuses][-2:] == ["ROLLING_BACK", "UPDATE_FAILED"]
    assert house.runtime.kept.kept == {SOURCE: "history", TARGET: "earlier use"}
    assert (house.file, house.journal) == (FILE, None)


def test_record_that_cannot_be_written_does_not_keep_the_rollback_from_being_done(house: House) -> None:
    house.runtime.failure = FULL

    def on_step(at: Journal) -> None:
        if at.step == journal.ROLLING_BACK:
            raise FULL

    watch = house.watch
    object.__setattr__(watch, "on_step", on_step)
    with pytest.raises(UpgradeFailed, match="failed while starting the new release"):
        house.upgrade(watch=watch)
    assert house.journal is None


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()], ids=["an error", "an interrupt"])
def test_upgrade_that_has_succeeded_is_never_rolled_back(house: House, error: BaseException) -> None:
    remove = house.runtime.kept.remove

    def failing(version: str) -> None:
        if "aside" in version:
            raise error
        remove(version)

    house.runtime.kept.remove = failing  # type: ignore[method-assign]
    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            house.upgrade()
    else:
        house.upgrade()
    left = house.journal
    assert left is not None
    assert (left.is_undone, left.statuses[-1].status) == (False, "AVAILABLE")
    assert f'AirflowVersion: "{TARGET}"' in house.file

    house.runtime.kept.remove = remove  # type: ignore[method-assign]
    settled = settle(house.workspace, house.watch, lifecycle=house.lifecycle)
    assert settled is not None
    assert not settled.is_undone
    assert house.journal is None
    assert house.runtime.kept.kept.keys() == {SOURCE, TARGET}
    assert house.runtime.kept.kept[TARGET].startswith("history migrated")


def test_lacking_python_of_the_target_ends_it_before_anything_is_changed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(wanted: Wanted, _on_event: object) -> None:
        raise PythonUnavailable(f"no Python for Airflow {wanted.release.airflow_version}")

    monkeypatch.setattr(house.runtime.kept, "prepare", prepare)
    with pytest.raises(PythonUnavailable, match=f"for Airflow {TARGET}"):
        house.upgrade()
    assert (house.steps, house.runtime.calls, house.journal, house.file) == ([], [], None, FILE)
    assert house.runtime.kept.kept == {SOURCE: "history", TARGET: "earlier use"}


def test_second_upgrade_does_not_begin_while_the_first_is_not_over(house: House) -> None:
    first = Journal(SOURCE, TARGET, "process", 0.0, None, journal.encoded(b""), False)
    journal.save(house.workspace.project, first)
    with pytest.raises(AlreadyRunning, match="another upgrade of this environment is not over"):
        house.upgrade()
    assert house.journal == first
    assert house.runtime.calls == []


def test_release_that_a_start_named_runs_again_and_the_file_keeps_its_own(house: House) -> None:
    """`up --airflow-version` had started another release than the file's."""
    other = FILE.replace(SOURCE, "3.3.1")
    house.workspace.project.environment_path.write_text(other)
    house.runtime.before, house.runtime.failure = RUNNING, FULL
    with pytest.raises(UpgradeFailed):
        house.upgrade()
    assert house.file == other
    assert house.runtime.wanted[-1].environment.airflow_version == SOURCE


def test_edited_file_gets_the_version_that_it_had_before(house: House) -> None:
    before = FILE.replace(SOURCE, "3.3.1").encode()
    at = Journal(SOURCE, TARGET, "process", 0.0, journal.encoded(before), journal.encoded(b""), False)
    path = house.workspace.project.environment_path
    path.write_text(f"AirflowVersion: {TARGET}\nName: mine\n")
    environment_file.bring_back(house.workspace.project, at)
    assert path.read_text() == 'AirflowVersion: "3.3.1"\nName: mine\n'
    path.unlink()
    environment_file.bring_back(house.workspace.project, at)
    assert path.read_bytes() == before


def test_file_that_was_edited_while_the_data_came_along_stays_and_the_data_go_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = house.runtime.kept.run
    path = house.workspace.project.environment_path

    def edit(*words: object, **more: object) -> None:
        path.write_text(f"{FILE}Name: mine\n")
        run(*words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(house.runtime.kept, "run", edit)
    with pytest.raises(UpgradeFailed, match="was edited while the upgrade went on"):
        house.upgrade()
    assert house.file == f"{FILE}Name: mine\n"
    assert house.runtime.kept.kept == {SOURCE: "history", TARGET: "earlier use"}


@pytest.mark.parametrize("content", [b"Name: \xff\n", b"Name: [\n"], ids=["no UTF-8", "no YAML"])
def test_data_go_back_also_where_the_file_cannot_be_read_any_more(house: House, content: bytes) -> None:
    path = house.workspace.project.environment_path

    def damaged() -> Environment:
        path.write_bytes(content)
        raise FULL

    with pytest.raises(EnvironmentFileInvalid, match="cannot be read") as raised:
        house.upgrade(damaged)
    assert "The rollback is not done" in raised.value.why
    assert house.runtime.kept.kept == {SOURCE: "history", TARGET: "earlier use"}
    path.write_text(f"AirflowVersion: {TARGET}\nName: mended\n")
    settle(house.workspace, house.watch, lifecycle=house.lifecycle)
    assert (house.file, house.journal) == (f'AirflowVersion: "{SOURCE}"\nName: mended\n', None)


def test_aside_that_is_gone_is_said_and_nothing_is_removed() -> None:
    databases = FakeDatabases({SOURCE: "history", TARGET: "history migrated"})
    at = Journal(SOURCE, TARGET, "process", 7.0, None, "", False, target_database=OURS, target_snapshot="kept")
    at = at.at(journal.COPYING, aside=f"{TARGET}-aside7")
    with pytest.raises(DatabaseMissing, match=f"Airflow {TARGET} from before the upgrade") as raised:
        TargetDatabase(databases, lambda journal: journal).undo(at)
    assert "db restore kept" in raised.value.hint
    assert databases.kept == {SOURCE: "history", TARGET: "history migrated"}
