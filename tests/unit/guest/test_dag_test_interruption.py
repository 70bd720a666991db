"""Ctrl-C in `dags test`, with an Airflow that only starts something: as processes and in the words for a container."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mwaa_local.guest import dag_test_script
from mwaa_local.runtime.compose.script import script_argv
from tests.container import alive

SCRIPT_PATH = Path(str(dag_test_script.__file__))
# A session of its own, which no signal to the command's group reaches.
MAIN = """
import subprocess

def main():
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    print(child.pid, flush=True)
    child.wait()
"""


def commands() -> dict[str, Sequence[str]]:
    [_, *in_container] = script_argv(SCRIPT_PATH.with_name("dag_test_dates.py"))
    return {"process": [str(SCRIPT_PATH), "answer"], "container": in_container}


@pytest.mark.parametrize("runtime", ["process", "container"])
def test_interrupt_ends_what_a_task_has_started(tmp_path: Path, runtime: str) -> None:
    (tmp_path / "airflow" / "models").mkdir(parents=True)
    (tmp_path / "airflow" / "models" / "dag.py").write_text("class DAG:\n    def create_dagrun(self):\n        pass\n")
    (tmp_path / "airflow" / "__main__.py").write_text(MAIN)
    argv = [sys.executable, *commands()[runtime], "", "dags", "test", "a"]
    with subprocess.Popen(
        argv, cwd=tmp_path, text=True, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        child_pid = int(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "")
    assert not alive(child_pid)
