"""What every check and trial stands on."""

from __future__ import annotations

import pickle
from pathlib import Path

from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import Project
from tests.contexts import check_context


def test_context_can_be_sent_to_another_process(tmp_path: Path) -> None:
    """Where processes are not forked, as on macOS, a trial gets it that way."""
    base = PythonEnvironment(tmp_path / "base", "3.12.1", "digest")
    context = check_context(Project(tmp_path), tmp_path, base, env={"PATH": "/bin"})
    assert pickle.loads(pickle.dumps(context)) == context


def test_folders_are_those_that_are_there_and_paths_in_the_file_may_name_all(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    context = check_context(Project(tmp_path), tmp_path, PythonEnvironment(tmp_path / "base", "3.12.1", "digest"))
    assert context.folders == {"dags": tmp_path / "dags"}
    assert context.home_map["/usr/local/airflow/plugins"] == tmp_path / "plugins"


def test_variables_of_the_shell_are_not_shown(tmp_path: Path) -> None:
    base = PythonEnvironment(tmp_path / "base", "3.12.1", "digest")
    assert "hunter2" not in repr(check_context(Project(tmp_path), tmp_path, base, env={"PASSWORD": "hunter2"}))
