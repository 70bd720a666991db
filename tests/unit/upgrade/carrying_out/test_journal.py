"""A journal is there whole or not at all, private, and says what is to be undone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mwaa_local.errors import EnvironmentFileInvalid, StateCorrupted
from mwaa_local.project import Project
from mwaa_local.upgrade.carrying_out import environment_file, journal
from mwaa_local.upgrade.carrying_out.journal import STEPS, Journal, StatusChange

BEGAN = Journal(
    "2.10.3", "2.11.2", "process", 1_000_000.0, journal.encoded(b"A: 1\n"), journal.encoded(b"A: 2\n"), True
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "dags").mkdir()
    return Project(tmp_path)


def test_is_read_as_it_was_written_and_only_by_its_user(project: Project) -> None:
    written = BEGAN.at(journal.COPYING, dags=("a", "b"), dags_done=("a",), snapshot="s", failure={"what": "w"})
    journal.save(project, written)
    assert journal.load(project) == written
    assert journal.journal_path(project).stat().st_mode & 0o777 == 0o600
    assert {path.name for path in project.state_dir.iterdir()} == {journal.JOURNAL_NAME, ".gitignore"}


def test_is_gone_when_the_upgrade_is_over(project: Project) -> None:
    journal.save(project, BEGAN)
    journal.remove(project)
    assert journal.load(project) is None
    journal.remove(project)  # by two


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"source": "2.10.3"})])
def test_damaged_one_says_what_to_do(project: Project, text: str) -> None:
    project.make_state_dir()
    journal.journal_path(project).write_text(text)
    with pytest.raises(StateCorrupted) as raised:
        journal.load(project)
    assert "AirflowVersion" in raised.value.hint


def test_goes_by_the_statuses_of_mwaa() -> None:
    at = BEGAN
    for step in STEPS:
        at = at.at(step)
    assert [each.status for each in at.statuses] == ["UPDATING", "CREATING_SNAPSHOT", "UPDATING"]
    rolled_back = at.at(journal.ROLLING_BACK).with_status(journal.STATUS_FAILED)
    assert [each.status for each in rolled_back.statuses[-2:]] == ["ROLLING_BACK", "UPDATE_FAILED"]


def test_status_has_the_time_at_which_it_began() -> None:
    first = BEGAN.at(journal.STOPPING)
    assert first.with_status("UPDATING") == first
    assert isinstance(first.statuses[0], StatusChange)


def test_only_what_was_healthy_is_finished() -> None:
    assert [step for step in (*STEPS, journal.ROLLING_BACK) if not BEGAN.at(step).is_undone] == [journal.RUNNING]


def test_environment_file_comes_back_as_it_was(project: Project) -> None:
    path = project.environment_path
    path.write_bytes(b"A: 1\n")
    path.chmod(0o640)
    environment_file.change(project, BEGAN)
    assert path.read_bytes() == b"A: 2\n"
    environment_file.bring_back(project, BEGAN)
    assert path.read_bytes() == b"A: 1\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_environment_file_that_is_a_link_stays_one(project: Project, tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    real.write_bytes(b"A: 1\n")
    project.environment_path.symlink_to(real)
    environment_file.change(project, BEGAN)
    assert project.environment_path.is_symlink()
    assert real.read_bytes() == b"A: 2\n"


def test_environment_file_that_was_made_is_removed(project: Project) -> None:
    made = Journal("3.3.1", "3.2.1", "process", 0.0, None, journal.encoded(b'AirflowVersion: "3.2.1"\n'), False)
    environment_file.change(project, made)
    assert project.environment_path.exists()
    environment_file.bring_back(project, made)
    assert not project.environment_path.exists()


def test_edit_of_somebody_else_stays_when_the_version_goes_back(project: Project) -> None:
    project.environment_path.write_bytes(b"AirflowVersion: 2.11.2\nName: mine\n")  # edited after the kill
    environment_file.bring_back(project, BEGAN)
    assert project.environment_path.read_bytes() == b'AirflowVersion: "2.10.3"\nName: mine\n'


def test_edit_of_somebody_else_that_names_the_old_version_is_not_touched(project: Project) -> None:
    project.environment_path.write_bytes(b"AirflowVersion: 2.10.3\nName: mine\n")
    environment_file.bring_back(project, BEGAN)
    assert project.environment_path.read_bytes() == b"AirflowVersion: 2.10.3\nName: mine\n"


def test_environment_file_that_somebody_edits_meanwhile_is_not_overwritten(project: Project) -> None:
    project.environment_path.write_bytes(b"A: mine\n")
    with pytest.raises(EnvironmentFileInvalid, match="was edited while the upgrade went on"):
        environment_file.change(project, BEGAN)
    assert project.environment_path.read_bytes() == b"A: mine\n"
