"""Cases that an environment passes whichever runtime it has. Each leaves its files and settings as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.environments import RunningEnvironment, wait_until, with_settings

READ_ONLY = "Read-only file system"
UP_TIMEOUT_S = 300.0  # every component of Airflow stops and starts
KNOWN_TIMEOUT_S = 60.0
WRITES = """\
from datetime import datetime
from pathlib import Path
from airflow.sdk import dag, task

@dag(schedule=None, start_date=datetime(2026, 1, 1), catchup=False, is_paused_upon_creation=False)
def writes_below_dags():
    @task(retries=0)
    def write():
        Path("/usr/local/airflow/dags/written.txt").write_text("by a task")
    write()
writes_below_dags()
"""
POLICY = """\
from airflow.exceptions import AirflowClusterPolicyViolation
from pathlib import Path

Path("/usr/local/airflow/policies").write_text("loaded")

def dag_policy(dag):
    raise AirflowClusterPolicyViolation("no DAG may have this policy")
"""
POLICY_PATH = "plugins/airflow_local_settings.py"


def dags_are_writable_as_asked_for(running: RunningEnvironment) -> None:
    """What `Local.DagsWritable` says is applied by the next `up`, in both directions."""
    settings = (running.root_dir / "mwaa.yaml").read_text()
    with _files(running, {"dags/writes_below_dags.py": WRITES}):
        try:
            running.runner.write({"mwaa.yaml": with_settings(settings, Local={"DagsWritable": False})})
            _up(running)
            assert _run(running, "read_only") == "failed"
            assert READ_ONLY in _task_log(running, "read_only")
            assert not (running.root_dir / "dags" / "written.txt").exists()
        finally:
            running.runner.write({"mwaa.yaml": settings})
            _up(running)
        assert _run(running, "writable") == "success"
        written = running.root_dir / "dags" / "written.txt"
        assert written.read_text() == "by a task"
        written.unlink()


def policies_are_loaded_and_have_no_effect(running: RunningEnvironment) -> None:
    """MWAA's own file of local settings loads the user's as a module apart. For releases of which that is true."""
    with _files(running, {POLICY_PATH: POLICY, "dags/writes_below_dags.py": WRITES}):
        _up(running)
        assert _run(running, "with_policies") == "success"
        assert "loaded" in running.read("policies")
        assert running.status()["import_errors"] == []
    (running.root_dir / "dags" / "written.txt").unlink()
    _up(running)


@contextmanager
def _files(running: RunningEnvironment, files: dict[str, str]) -> Iterator[None]:
    running.runner.write(files)
    try:
        yield
    finally:
        for name in files:
            (running.root_dir / name).unlink()
        running.run("airflow", "dags", "delete", "--yes", "writes_below_dags")


def _up(running: RunningEnvironment) -> None:
    outcome = running.run("up", timeout_s=UP_TIMEOUT_S)
    assert outcome.exit_code == 0, outcome.stderr


def _run(running: RunningEnvironment, run_id: str) -> str:
    wait_until(
        lambda: running.query("SELECT 1 FROM dag WHERE dag_id = 'writes_below_dags'"), KNOWN_TIMEOUT_S, "the new DAG"
    )
    running.trigger("writes_below_dags", run_id)
    return running.wait_for_run("writes_below_dags", run_id)


def _task_log(running: RunningEnvironment, run_id: str) -> str:
    logs = (running.airflow_home_dir / "logs").rglob("*.log")
    return "".join(path.read_text() for path in logs if f"run_id={run_id}" in str(path))
