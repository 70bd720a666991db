"""Folders for the time of one command: gone at its end, also where it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mwaa_local.configuration.base import MAX_TEMPORARY_BYTES, container_env
from mwaa_local.environment.environment import Environment
from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.process.runtime import ProcessRuntime
from mwaa_local.scratch import remove_abandoned, scratch_folder
from tests.conftest import REPOSITORY_DIR

HOLDS_ONE = """
import sys, time
from pathlib import Path
from mwaa_local.scratch import scratch_folder
with scratch_folder("ours-", Path(sys.argv[1])) as folder:
    (folder / "file").touch()
    print(folder, flush=True)
    time.sleep(60)
"""


def test_folder_is_gone_at_the_end_and_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), scratch_folder("ours-", tmp_path) as folder:
        (folder / "file").touch()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_folder_of_a_killed_command_is_removed_and_no_other(tmp_path: Path) -> None:
    for name in ("theirs-abcdefgh", "ours-with-another-name", "ours-12345678"):
        (tmp_path / name).mkdir()
    (tmp_path / "ours-abcdefgh").symlink_to(tmp_path)
    argv = [sys.executable, "-c", HOLDS_ONE, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY_DIR) as process:
        assert process.stdout is not None
        held = Path(process.stdout.readline().strip())
        remove_abandoned("ours-", tmp_path, grace_s=-1.0)
        assert held.is_dir()
        assert not (tmp_path / "ours-12345678").exists()
        process.send_signal(signal.SIGKILL)
    new = tmp_path / "ours-00000000"
    new.mkdir()
    remove_abandoned("ours-", tmp_path)
    assert not held.exists()  # what is in it came in under its lock
    assert new.is_dir()  # it may have been made just now
    remove_abandoned("ours-", tmp_path, grace_s=-1.0)
    left = {"theirs-abcdefgh", "ours-with-another-name", "ours-abcdefgh"}
    assert {path.name for path in tmp_path.iterdir()} == left


def environment_of_components(home_dir: str, tmp_path: Path) -> dict[str, str]:
    places = (PythonEnvironment(tmp_path, "3.12.1", ""), home_dir)
    return container_env(Project(tmp_path), Environment(), Release.load("3.3.1"), *places, {"TMPDIR": "/caller"})


def test_components_have_a_place_of_their_own_for_temporary_files(tmp_path: Path) -> None:
    assert environment_of_components("/usr/local/airflow", tmp_path)["TMPDIR"] == "/usr/local/airflow/tmp"
    # Where sockets of multiprocessing would have names that are too long, things are as they were.
    assert environment_of_components("/" + "x" * MAX_TEMPORARY_BYTES, tmp_path)["TMPDIR"] == "/caller"


def test_components_leave_no_bytecode_in_the_users_folders(tmp_path: Path) -> None:
    assert environment_of_components("/usr/local/airflow", tmp_path)["PYTHONDONTWRITEBYTECODE"] == "1"


def test_temporary_files_of_components_go_with_them(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (project.temporary_dir / "pymp-12345678").mkdir(parents=True)
    ProcessRuntime(project, os.environ).stop(now=True)
    assert not project.temporary_dir.exists()
