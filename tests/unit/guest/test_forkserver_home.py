"""A forked component enters a home of its own with the launcher's module, in the release's Python, the oldest too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mwaa_local import isolation
from tests.conftest import REPOSITORY_DIR
from tests.container import OLDEST_PYTHON, find_oldest_python

FORKSERVER_PATH = REPOSITORY_DIR / "mwaa_local/guest/site_packages/mwaa_support/forkserver.py"
ENTER = f"""
import importlib.util, json, os, sys
spec = importlib.util.spec_from_file_location("forkserver", {str(FORKSERVER_PATH)!r})
forkserver = importlib.util.module_from_spec(spec)
spec.loader.exec_module(forkserver)
forkserver.enter_home(json.loads(sys.argv[1]))
names = set(os.listdir("/usr/local/airflow")) - {{".staging"}}  # left by the first namespace
print(json.dumps([sorted(names), os.listdir("/usr/local/airflow/dags")]))
"""


@pytest.fixture(params=["this Python", "the oldest Python"])
def python(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if sys.platform != "linux" or isolation.cannot_enter(isolation.Layout(tmp_path, {})):
        pytest.skip("no mount namespaces here")
    found = sys.executable if request.param == "this Python" else find_oldest_python()
    if found is None:
        pytest.skip(f"no Python {OLDEST_PYTHON} on this machine")
    return found


def entered(python: str, home_dir: Path, folders: dict[str, str]) -> subprocess.CompletedProcess[str]:
    home = json.dumps({"isolation": str(isolation.__file__), "home_dir": str(home_dir), "folders": folders})
    argv = [python, "-I", "-B", "-c", ENTER, home]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env={"PATH": os.defpath}, timeout=60)


def test_component_sees_its_home_and_the_folders_in_it(python: str, tmp_path: Path) -> None:
    home_dir, dags_dir = tmp_path / "home", tmp_path / "project"
    for folder, name in ((home_dir, "own"), (dags_dir, "a.py")):
        folder.mkdir()
        (folder / name).touch()
    done = entered(python, home_dir, {"dags": str(dags_dir)})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["dags", "own"], ["a.py"]]


def test_component_that_cannot_see_its_home_does_not_run_in_anothers(python: str, tmp_path: Path) -> None:
    done = entered(python, tmp_path / "no-such-home", {})
    assert done.returncode == 1
    assert "/usr/local/airflow cannot be shown" in done.stderr
    assert done.stdout == ""
