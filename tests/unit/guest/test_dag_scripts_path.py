"""Programs for DAG runs leave the module path to the user's modules, whoever runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mwaa_local.guest import dag_dates

GUEST_DIR = Path(str(dag_dates.__file__)).parent
# Each program fails at once for want of words; by then its path is arranged.
PROGRAM = """
import json, runpy, sys
sys.path[:0] = json.loads(sys.argv[2])
sys.path[:] = dict.fromkeys(sys.path)
before, script, sys.argv = list(sys.path), sys.argv[1], ["x"]
try:
    runpy.run_path(script, run_name="__main__")
except IndexError:
    print(json.dumps([before, sys.path]))
"""


def paths(script: str, first: list[str], folder: Path) -> tuple[list[str], list[str]]:
    """Return the module path before and after the program has arranged it."""
    argv = [sys.executable, "-I", "-c", PROGRAM, str(GUEST_DIR / script), json.dumps(first)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=folder, env={"PATH": os.defpath})
    before, after = json.loads(done.stdout)
    return before, after


@pytest.mark.parametrize("script", ["dag_run_script.py", "dag_test_script.py"])
def test_fork_servers_path_stays_as_it_is(tmp_path: Path, script: str) -> None:
    """Its first folder may be one of the user's PYTHONPATH."""
    before, after = paths(script, ["/users/modules", "/users/others"], tmp_path)
    assert after == before
    assert after[0] == "/users/modules"


@pytest.mark.parametrize("script", ["dag_run_script.py", "dag_test_script.py"])
def test_interpreter_gets_the_working_directory_in_place_of_the_programs_folder(tmp_path: Path, script: str) -> None:
    before, after = paths(script, [str(GUEST_DIR), "/users/modules"], tmp_path)
    assert after == [str(tmp_path), *before[1:]]
