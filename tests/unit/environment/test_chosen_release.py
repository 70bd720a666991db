"""A release that a start named instead of `mwaa.yaml`: commands speak of it while it runs, then of the file's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mwaa_local.environment.chosen_release import (
    NOTED_NAME,
    chosen_instead_of,
    forget_chosen,
    forget_last,
    last_release,
    note_chosen,
    note_last,
    release_remarks,
    up_as_last,
)
from mwaa_local.environment.environment import Environment, version_in_file
from mwaa_local.errors import EnvironmentFileInvalid
from mwaa_local.project import Project
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION, Release
from mwaa_local.remarks import NOTE, WARNING
from tests.conftest import ProjectRunner

MakeProject = Callable[..., ProjectRunner]
OF_FILE = "2.10.3"


@pytest.fixture
def place(project: MakeProject) -> Project:
    return Project.find(project({"mwaa.yaml": f"AirflowVersion: {OF_FILE}\n", "dags/a.py": ""}).root_dir)


def loaded(place: Project, named: str | None = None) -> str:
    return Environment.load(place, airflow_version=named).airflow_version


def test_named_release_takes_the_place_of_the_files(place: Project) -> None:
    assert (loaded(place), loaded(place, ""), loaded(place, "2.8.1")) == (OF_FILE, OF_FILE, "2.8.1")


def test_noted_release_holds_until_it_is_forgotten(place: Project) -> None:
    note_chosen(place, "2.8.1", OF_FILE)
    assert (loaded(place), loaded(place, ""), loaded(place, "2.9.2")) == ("2.8.1", OF_FILE, "2.9.2")
    assert version_in_file(place) == OF_FILE
    forget_chosen(place)
    assert loaded(place) == OF_FILE


def test_start_of_the_files_own_release_leaves_no_note(place: Project) -> None:
    note_chosen(place, "2.8.1", OF_FILE)
    note_chosen(place, OF_FILE, OF_FILE)
    assert not (place.run_dir / NOTED_NAME).exists()


def test_note_has_no_effect_once_the_file_names_another_release(place: Project) -> None:
    note_chosen(place, "2.8.1", OF_FILE)
    place.environment_path.write_text("AirflowVersion: 3.0.6\n")
    assert loaded(place) == "3.0.6"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": "2.8.1"}', '{"version": "9.9.9", "instead_of": "2.10.3"}']
)
def test_note_that_cannot_be_understood_is_none(place: Project, text: str) -> None:
    place.run_dir.mkdir(parents=True)
    (place.run_dir / NOTED_NAME).write_text(text)
    assert chosen_instead_of(place, OF_FILE) == ""
    assert loaded(place) == OF_FILE


@pytest.mark.parametrize("files", [{"dags/a.py": ""}, {"dags/a.py": "", "mwaa.yaml": "# nothing yet\n"}])
def test_release_can_be_named_without_a_file_or_in_an_empty_one(project: MakeProject, files: dict[str, str]) -> None:
    place = Project.find(project(files).root_dir)
    environment = Environment.load(place, airflow_version="2.8.1")
    assert (environment.airflow_version, environment.names_release) == ("2.8.1", True)
    assert (loaded(place), version_in_file(place)) == (DEFAULT_AIRFLOW_VERSION, DEFAULT_AIRFLOW_VERSION)
    note_chosen(place, "2.8.1", DEFAULT_AIRFLOW_VERSION)
    assert loaded(place) == "2.8.1"


def test_rules_of_the_named_release_hold(place: Project) -> None:
    place.environment_path.write_text(f"AirflowVersion: {OF_FILE}\nSchedulers: 3\n")
    assert loaded(place) == OF_FILE
    with pytest.raises(EnvironmentFileInvalid, match="Schedulers"):
        loaded(place, "1.10.12")


@pytest.mark.parametrize("release", [each for each in Release.all() if not each.is_offered], ids=str)
def test_ended_release_says_when_and_which_offered_one_is_nearest(place: Project, release: Release) -> None:
    place.environment_path.write_text(f"AirflowVersion: {release.airflow_version}\n")
    (remark,) = release_remarks(place, release)
    assert (remark.severity, remark.subject) == (WARNING, "release")
    assert remark.what == f"MWAA ended Airflow {release.airflow_version} on {release.end_of_support}"
    assert "2.7.2" in remark.hint  # the oldest that is offered


def test_offered_release_says_nothing_unless_it_is_not_that_of_the_file(place: Project) -> None:
    assert list(release_remarks(place, Release.load(OF_FILE))) == []
    (remark,) = release_remarks(place, Release.load("2.8.1"))
    assert (remark.severity, remark.what) == (NOTE, f"Airflow 2.8.1 runs instead of {OF_FILE} of mwaa.yaml")


@pytest.mark.parametrize("text", [None, "", "Name: mine\n"])
def test_release_that_no_file_names_is_not_said_to_be_of_one(place: Project, text: str | None) -> None:
    place.environment_path.unlink() if text is None else place.environment_path.write_text(text)
    (remark,) = release_remarks(place, Release.load("2.8.1"))
    assert remark.what == f"Airflow 2.8.1 runs instead of {DEFAULT_AIRFLOW_VERSION} (MWAA's newest)"


def test_release_that_was_used_last_is_what_the_command_names_until_the_file_has_another(place: Project) -> None:
    assert up_as_last(place) == "mwaa-local up"
    note_last(place, "2.8.1")
    forget_chosen(place)  # as `down` does
    assert (loaded(place), last_release(place)) == (OF_FILE, "2.8.1")
    assert up_as_last(place) == "mwaa-local up --airflow-version 2.8.1"
    for text in ("AirflowVersion: 3.0.6\n", "AirflowVersion: [\n"):
        place.environment_path.write_text(text)
        assert up_as_last(place) == "mwaa-local up"
    note_last(place, "2.9.2")  # nothing can be noted beside a broken file, and nothing fails
    place.environment_path.write_text(f"AirflowVersion: {OF_FILE}\n")
    assert last_release(place) == "2.8.1"
    note_last(place, OF_FILE)
    assert up_as_last(place) == "mwaa-local up"
    note_last(place, "2.8.1")
    forget_last(place)
    assert up_as_last(place) == "mwaa-local up"


def test_status_and_reset_name_the_release_that_was_used_last(project: MakeProject) -> None:
    runner = project({"mwaa.yaml": f"AirflowVersion: {OF_FILE}\n", "dags/a.py": ""})
    place = Project.find(runner.root_dir)
    note_last(place, "2.8.1")
    status = runner.call("status")
    assert (status.exit_code, "hint: mwaa-local up --airflow-version 2.8.1" in status.stderr) == (1, True)
    (place.database_dir / "2.8.1").mkdir(parents=True)
    assert runner.call("reset-db", "--airflow-version", "2.8.1", "--yes").exit_code == 0
    assert last_release(place) == ""
    note_last(place, "2.8.1")
    assert runner.call("down", "--volumes").exit_code == 0
    assert last_release(place) == ""
