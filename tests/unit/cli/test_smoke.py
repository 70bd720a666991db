"""What `mwaa-local smoke` refuses before it does anything, since nobody should wait minutes for it, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import COMMAND, ProjectRunner

Make = Callable[..., ProjectRunner]
FILES = {"mwaa.yaml": 'AirflowVersion: "3.3.1"\n', "dags/a.py": "from airflow.sdk import DAG\n", "file": ""}


def refused(make: Make, *words: str, code: int, files: dict[str, str] | None = None) -> str:
    runner = make(FILES if files is None else files)
    outcome = runner.call("smoke", *words)
    assert outcome.exit_code == code, outcome.stderr
    assert not (runner.root_dir / ".mwaa-local").exists()
    return outcome.stderr


@pytest.mark.parametrize(("words", "said"), [(("a", "--all"), "the names"), (("--all", "--tag", "x"), "--tag")])
def test_all_beside_a_choice_is_refused(project: Make, words: tuple[str, ...], said: str) -> None:
    assert f"--all runs every DAG; leave out --all, or {said}" in refused(project, *words, code=2)


def test_project_without_dag_files_is_refused(project: Make) -> None:
    said = refused(project, "--all", code=2, files={"mwaa.yaml": "", "dags/README.md": "no DAG here"})
    assert "there is no DAG to run" in said
    assert "neither a Python file nor a zip" in said


@pytest.mark.parametrize(
    ("words", "env"),
    [
        (("--junit", "file/smoke.xml"), {}),
        (("--artifacts", "file/logs"), {}),
        ((), {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "file/summary"}),
    ],
)
def test_report_that_could_not_be_written_is_refused(
    project: Make, words: tuple[str, ...], env: dict[str, str]
) -> None:
    runner = project(FILES)
    outcome = runner.call("smoke", "--all", *words, env=env)
    assert outcome.exit_code == 3, outcome.stderr
    assert "cannot write" in outcome.stderr
    assert "name another place" in outcome.stderr
    assert not (runner.root_dir / ".mwaa-local").exists()


def test_summary_is_no_matter_where_github_is_not_told(project: Make) -> None:
    runner = project(FILES)
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "file/summary"}
    outcome = runner.run("smoke", "--all", "--no-github", "--timeout", "1", "--no-check", timeout_s=60.0, env=env)
    assert outcome.exit_code == 5, outcome.stderr  # it went as far as the time limit let it


def test_expected_import_error_of_a_file_that_is_not_there_is_refused(project: Make) -> None:
    assert "no.py: there is no such file" in refused(project, "--all", "--expect-import-error", "dags/no.py", code=2)


@pytest.mark.full
def test_signal_while_reports_are_written_loses_none_of_them(project: Make, tmp_path: Path) -> None:
    runner, pipe_path = project(FILES), tmp_path / "junit"
    os.mkfifo(pipe_path)  # nothing is written into it before somebody reads
    words = ("smoke", "--all", "--no-check", "--timeout", "1", "--junit", str(pipe_path))
    with subprocess.Popen(
        [*COMMAND, *words], cwd=runner.root_dir, env=dict(runner.env), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert any(line.startswith("smoke: time-out") for line in process.stdout)
        for number in (signal.SIGINT, signal.SIGTERM):
            process.send_signal(number)
        suites = ET.fromstring(pipe_path.read_text())
    assert process.returncode == 5
    assert suites.get("errors") == "1"
