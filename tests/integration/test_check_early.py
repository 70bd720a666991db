"""The check of requirements beside a start: what it tells, and when it stays silent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mwaa_local.check.requirements import early
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.remarks import Remark
from tests.wheels import make_wheel

NEWEST = Release.load("3.3.1")
OWN_WHEELS = "--no-index\n--find-links /usr/local/airflow/plugins\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("dags", "plugins", "requirements", "startup"):
        (tmp_path / name).mkdir()
    make_wheel(tmp_path / "plugins", "alpha", "1.0")
    made = Project(tmp_path)
    made.make_state_dir()
    made.run_dir.mkdir()
    return made


def told(project: Project, text: str) -> list[Remark] | None:
    """Return what the check says of this file; None when it does not run."""
    project.requirements_path.write_text(text)
    found: list[Remark] = []
    check = early.begin(project, NEWEST, dict(os.environ), {}, found.append)
    if check is None:
        return None
    check.finish()
    return found


def test_conflict_is_reported_with_its_line_and_once_for_a_file(project: Project) -> None:
    text = f"{OWN_WHEELS}alpha==2.0\n"
    [remark] = told(project, text) or []
    assert (remark.severity, remark.subject) == ("error", "requirements")
    assert remark.what == "requirements/requirements.txt:3: alpha==2.0 cannot be met"
    assert "alpha==1.0" in remark.hint
    assert told(project, text) is None
    assert told(project, text + "# another\n") is not None


def test_file_that_works_is_no_reason_to_speak(project: Project) -> None:
    assert told(project, f"{OWN_WHEELS}alpha==1.0\n") == []


def test_file_without_packages_is_not_checked(project: Project) -> None:
    assert told(project, "# nothing\n") is None


def test_script_that_may_name_another_index_leaves_the_answer_to_pip(project: Project) -> None:
    project.startup_script_path.write_text("export PIP_EXTRA_INDEX_URL=https://example.org/simple\n")
    assert told(project, f"{OWN_WHEELS}alpha==2.0\n") is None
