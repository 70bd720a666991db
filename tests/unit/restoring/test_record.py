"""The record of a restore: what is written down, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mwaa_local.errors import StateCorrupted
from mwaa_local.project import Project
from mwaa_local.restoring import record
from mwaa_local.restoring.record import REPLACING, Record, Recorder
from tests.conftest import ProjectRunner

BEGUN = Record("airflow.dump", "2.10.3", "process")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "dags").mkdir()
    found = Project(tmp_path)
    found.make_state_dir()
    return found


def test_is_there_with_each_step_and_only_as_long_as_the_restore(project: Project) -> None:
    recorder = Recorder(project, BEGUN)
    with recorder.kept():
        assert record.load(project) == BEGUN
        recorder.note(step=REPLACING)
        recorder.note(before="before-restore-1", mark="815")
        assert record.load(project) == Record(
            "airflow.dump", "2.10.3", "process", REPLACING, "before-restore-1", mark="815"
        )
        assert record.record_path(project).stat().st_mode & 0o777 == 0o600
    assert record.load(project) is None


def test_is_gone_after_a_failure_and_an_interrupt(project: Project) -> None:
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), Recorder(project, BEGUN).kept():
            raise error
        assert record.load(project) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"source": "a", "unknown": 1})])
def test_damaged_one_says_what_to_do(project: Project, text: str) -> None:
    record.record_path(project).write_text(text)
    with pytest.raises(StateCorrupted) as raised:
        record.load(project)
    assert "remove the file" in raised.value.hint


def test_one_in_docker_waits_until_docker_answers_and_keeps_nothing_else_from_being_done(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    runner = ProjectRunner(tmp_path / "project", {**clean_env, "DOCKER_HOST": "unix:///nowhere/docker.sock"})
    runner.write({"mwaa.yaml": 'AirflowVersion: "2.10.3"\n', "dags/a.py": ""})
    found = Project(runner.root_dir)
    found.make_state_dir()
    found.run_dir.mkdir()
    kept = Recorder(found, Record("airflow.dump", "2.10.3", "docker"))
    kept.note()
    outcome = runner.run("down")
    assert outcome.exit_code == 0, outcome.stderr
    assert "a restore was cut off, and the next command tidies up: " in outcome.stderr
    assert record.load(found) is not None
