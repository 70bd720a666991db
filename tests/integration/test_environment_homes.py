"""Homes of a running environment: files of the startup script and of tasks are where they are on MWAA."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.environments import LATEST, RunningEnvironment, plain_files, start, stopped_at_the_end, wait_until

pytestmark = pytest.mark.network

SCRIPT = """\
export TOOL=/usr/local/airflow/tool
mkdir $TOOL || exit 9
echo "$MWAA_AIRFLOW_COMPONENT" >$TOOL/made_by
"""
DAG = """\
import os
from datetime import datetime
from pathlib import Path
from airflow.sdk import dag, task
IMPORTED_IN = Path(os.environ["TOOL"], "made_by").read_text().strip()

@dag(schedule=None, start_date=datetime(2024, 1, 1), catchup=False, is_paused_upon_creation=False, tags=[IMPORTED_IN])
def homes():
    @task
    def write():
        Path("/usr/local/airflow/written").write_text(Path(os.environ["TOOL"], "made_by").read_text())
    write()
homes()
"""
RESTART_TIMEOUT_S = 60.0


@contextlib.contextmanager
def running_with_homes(folder: Path) -> Iterator[RunningEnvironment]:
    """Run a project whose startup script makes a folder in each home."""
    with stopped_at_the_end(folder) as runner:
        runner.write({**plain_files(LATEST, Local={"Workers": 2}), "startup/startup.sh": SCRIPT, "dags/homes.py": DAG})
        running = start(runner, LATEST)
        if "cannot be shown here" in running.started.stderr:
            pytest.skip("no mount namespaces here")
        yield running


def test_each_container_of_mwaa_has_a_home_of_its_own(tmp_path: Path) -> None:
    with running_with_homes(tmp_path) as running:
        homes_dir = Path(running.plan().homes_dir)
        assert "exit code 9" not in running.started.stderr
        made_by = {path.name: (path / "tool" / "made_by").read_text().strip() for path in homes_dir.glob("*/")}
        workers = dict.fromkeys(("worker.1", "worker.2"), "worker")
        assert made_by == {"scheduler": "scheduler", "webserver": "webserver", **workers}

        running.trigger("homes", "first")
        assert running.wait_for_run("homes", "first") == "success"
        assert running.query("SELECT name FROM dag_tag WHERE dag_id = 'homes'") == [("scheduler",)]
        written = {path.parent.name: path.read_text().strip() for path in homes_dir.glob("*/written")}
        assert set(written.values()) == {"worker"}
        assert written.keys() <= workers.keys()
        assert running.run("down", "--volumes").exit_code == 0
        assert not homes_dir.parent.exists()


@pytest.mark.full
def test_homes_outlive_a_component_and_end_with_their_script(tmp_path: Path) -> None:
    with running_with_homes(tmp_path) as running:
        component_sees_its_home_again_after_its_end(running)
        another_script_runs_in_new_homes(running, Path(running.plan().homes_dir))


def component_sees_its_home_again_after_its_end(running: RunningEnvironment) -> None:
    worker = running.pids()["worker.1"]
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    restarted: Callable[[], int | None] = lambda: running.pids()["worker.1"]  # noqa: E731
    wait_until(lambda: restarted() not in (None, worker), RESTART_TIMEOUT_S, "another worker")
    running.wait_until_healthy()
    seen = Path(f"/proc/{restarted()}/root/usr/local/airflow/tool/made_by")
    assert seen.read_text() == "worker\n"


def another_script_runs_in_new_homes(running: RunningEnvironment, homes_dir: Path) -> None:
    running.runner.write({"startup/startup.sh": SCRIPT + "touch second\n"})
    outcome = running.run("up")
    assert outcome.exit_code == 0, outcome.stderr
    assert "exit code 9" not in outcome.stderr
    new_dir = Path(running.plan().homes_dir)
    assert [path.name for path in new_dir.parent.iterdir()] == [new_dir.name]
    assert new_dir != homes_dir
    assert all((path / "second").exists() for path in new_dir.glob("*/"))
    said = running.run("airflow", "config", "get-value", "core", "dags_folder")
    assert said.exit_code == 0, said.stderr
