"""Workers of a real environment come with a load and go after it, and no task is lost, killed or run twice by that."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from mwaa_local.event import LEAVING, READY
from tests.environments import LATEST, TEST_DAGS_DIR, RunningEnvironment, plain_files, start, stopped_at_the_end

pytestmark = [pytest.mark.full, pytest.mark.network]

TASKS = 1000  # MWAA's own most for one mapped task is 1024 (core.max_map_length)
MOST_WORKERS = 4
# A task fails when the web server leaves its calls without an answer, as on a machine with other work to do.
PATIENCE = {"workers.execution_api_timeout": "60", "workers.execution_api_retries": "10"}
LONG_TASKS = 3 * 6  # as in dags/load.py
RUN_TIMEOUT_S = 1800.0  # several times what it takes on two busy cores
PAUSE_S = 1.0


def test_a_thousand_tasks_with_one_to_four_workers_and_back(tmp_path: Path) -> None:
    marks_dir = tmp_path / "marks"
    marks_dir.mkdir()
    options = {**PATIENCE, "tests.marks_dir": str(marks_dir), "tests.tasks": str(TASKS)}
    with stopped_at_the_end(tmp_path) as runner:
        files = plain_files(LATEST, MaxWorkers=MOST_WORKERS, AirflowConfigurationOptions=options)
        runner.write({**files, "dags/load.py": (TEST_DAGS_DIR / "load.py").read_text()})
        running = start(runner)
        running.run("airflow", "dags", "unpause", "load")
        running.trigger("load", "all")
        seen = watch(running)
        assert running.run_state("load", "all") == "success", failures(running)
        states = Counter(running.query("SELECT state, try_number FROM task_instance WHERE run_id = 'all'"))
        assert states == {("success", 1): TASKS + LONG_TASKS}
        assert Counter(path.read_text() for path in marks_dir.iterdir()) == {"once\n": TASKS + LONG_TASKS}
        assert max(seen) == MOST_WORKERS
        assert seen[-1] == 1
        assert max(running.status()["components"], key=lambda item: item["restarts"])["restarts"] == 0


def failures(running: RunningEnvironment) -> str:
    """Return which tasks did not succeed, and how the log of the first ends."""
    query = (
        "SELECT task_id, map_index, state, try_number FROM task_instance WHERE run_id = 'all'"
        " AND state NOT IN ('success', 'upstream_failed')"
    )
    rows = running.query(query)
    task, index, _, tries = rows[0]
    folder = running.airflow_home_dir / "logs" / "dag_id=load" / "run_id=all" / f"task_id={task}" / f"map_index={index}"
    log_path = folder / f"attempt={tries}.log"
    return f"{rows}\n{log_path.read_text()[-3000:] if log_path.exists() else 'without a log'}"


def watch(running: RunningEnvironment) -> list[int]:
    """Return how many workers there were at each look, until the run has ended and one worker is left."""
    seen: list[int] = []
    deadline = time.monotonic() + RUN_TIMEOUT_S
    while time.monotonic() < deadline:
        statuses = [item for item in running.runtime.status() if item.name.startswith("worker.")]
        seen.append(sum(item.state != LEAVING for item in statuses))
        is_over = running.run_state("load", "all") in ("success", "failed")
        if is_over and [item.state for item in statuses] == [READY]:
            return seen
        time.sleep(PAUSE_S)
    raise AssertionError(f"the run is {running.run_state('load', 'all')}, workers were {seen[-20:]}")
