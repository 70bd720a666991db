"""`make test-releases` for one release, killed while its environment starts, and then run again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY_DIR
from tests.environments import LATEST, wait_until
from tools.release_matrix.cells import DATA_NAME, read_cells
from tools.release_matrix.page import PAGE_NAME, render

pytestmark = [pytest.mark.full, pytest.mark.network]

BEGUN_TIMEOUT_S = 900.0  # packages and an empty database come first
CELL_TIMEOUT_S = 3600.0


def test_run_that_was_killed_goes_on_and_leaves_nothing(tmp_path: Path) -> None:
    docs_dir, temporary_dir = tmp_path / "docs", tmp_path / "tmp"
    for folder in (docs_dir, temporary_dir):
        folder.mkdir()
    argv = [sys.executable, "-m", "tools.release_matrix", "--releases", LATEST, "--runtime", "process"]
    argv += ["--into", str(docs_dir)]
    env = {**os.environ, "TMPDIR": str(temporary_dir)}

    def supervisor_started() -> bool:
        return any(temporary_dir.glob(f"*/{LATEST}-process/project/.mwaa-local/logs/supervisor.out"))

    with subprocess.Popen(argv, cwd=REPOSITORY_DIR, env=env, stderr=subprocess.DEVNULL) as process:
        wait_until(supervisor_started, BEGUN_TIMEOUT_S, "the environment begins to start")
        process.kill()
    assert read_cells(docs_dir / DATA_NAME) == {}

    done = subprocess.run(
        argv, cwd=REPOSITORY_DIR, env=env, capture_output=True, text=True, timeout=CELL_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    cells = read_cells(docs_dir / DATA_NAME)
    assert cells[LATEST, "process"].is_green
    assert (docs_dir / PAGE_NAME).read_text() == render(cells)
    assert [path for path in temporary_dir.glob("*/*") if path.is_dir()] == []

    again = subprocess.run([*argv, "--list"], cwd=REPOSITORY_DIR, env=env, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (0, ""), again.stderr
