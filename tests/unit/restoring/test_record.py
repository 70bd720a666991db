"""The record of a restore: what is written down, and what becomes of it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from mwaa_local.errors import StateCorrupted
from mwaa_local.project import Project
from mwaa_local.restoring import record
from mwaa_local.restoring.record import REPLACING, Record, Recorder
from mwaa_local.workspace import Workspace
from tests.conftest import COMMAND, ProjectRunner
from tests.fakes import wait_until

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


WHOLE = asdict(BEGUN)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({**WHOLE, "unknown": 1}),
        json.dumps({name: value for name, value in WHOLE.items() if name != "mark"}),
        *(
            json.dumps({**WHOLE, name: value})
            for name, value in (
                ("source", None),
                ("version", 2),
                ("version", "2"),
                ("version", "../../dags"),
                ("runtime", "other"),
                ("runtime", ["docker"]),
                ("step", "later"),
                ("is_new", "yes"),
                ("mark", 755),
            )
        ),
    ],
)
def test_damaged_one_says_what_to_do_and_keeps_nothing_else_from_being_done(
    tmp_path: Path, clean_env: dict[str, str], text: str
) -> None:
    runner = ProjectRunner(tmp_path / "project", clean_env)
    runner.write({"mwaa.yaml": 'AirflowVersion: "2.10.3"\n', "dags/a.py": ""})
    found = Project(runner.root_dir.resolve())
    found.make_state_dir()
    found.run_dir.mkdir()
    record.record_path(found).write_text(text)
    with pytest.raises(StateCorrupted) as raised:
        record.load(found)
    assert "remove the file" in raised.value.hint
    outcome = runner.run("down")
    assert outcome.exit_code == 0, outcome.stderr
    assert f"{raised.value.what}: {raised.value.hint}" in outcome.stderr
    assert "the next command tidies up" not in outcome.stderr
    assert (found.root_dir / "dags" / "a.py").exists()


def test_copy_of_a_dump_whose_command_was_killed_before_there_was_a_record_goes(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    """It holds keys and passwords."""
    runner = ProjectRunner(tmp_path / "project", clean_env)
    runner.write({"mwaa.yaml": 'AirflowVersion: "2.10.3"\n', "dags/a.py": ""})
    argv = [*COMMAND, "db", "restore", "-", "--yes"]
    with subprocess.Popen(argv, cwd=runner.root_dir, env=dict(runner.env), stdin=subprocess.PIPE) as killed:
        state_dir = Project(runner.root_dir).state_dir
        assert killed.stdin is not None
        killed.stdin.write(b"secret" * 100_000)
        killed.stdin.flush()
        wait_until(lambda: list(state_dir.glob("restoring-*/*")), "the copy of the dump")
        killed.kill()
    assert list(state_dir.glob("restoring-*/*"))
    outcome = runner.run("down")
    assert outcome.exit_code == 0, outcome.stderr
    assert list(state_dir.glob("restoring-*")) == []


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


def test_dag_can_be_run_while_a_restore_goes_on(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """The environment runs until all is ready beside. Airflow 1.10.12 says early that it cannot."""
    runner = ProjectRunner(tmp_path / "project", clean_env)
    runner.write({"mwaa.yaml": 'AirflowVersion: "1.10.12"\n', "dags/a.py": ""})
    found = Project(runner.root_dir)
    found.make_state_dir()
    with Workspace(found, clean_env).exclusive():
        Recorder(found, BEGUN).note()
        told = runner.run("dags", "test", "a").stderr
        assert "Airflow 1.10.12 cannot run a DAG in a single process" in told
        assert "another mwaa-local command is changing this environment" in runner.run("down").stderr
        assert record.load(found) is not None
