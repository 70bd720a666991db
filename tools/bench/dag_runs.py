"""Have a running Airflow do something, and time until it is done."""

from __future__ import annotations

import time

from tools.bench.commands import BenchError, wait_until
from tools.bench.databases import can_be_triggered, is_listed, run_times
from tools.bench.sample import NEW_DAG_TEXT
from tools.bench.subjects import Subject

LISTED_TIMEOUT_S = 400.0  # Airflow's own interval between looks for new files is 300 s
RUN_TIMEOUT_S = 900.0


def dag_run(subject: Subject, dag_id: str, run_id: str) -> tuple[float, float]:
    """Run a DAG; return the seconds until it succeeded, since the trigger command began and since the run existed."""
    database = subject.database()
    wait_until(lambda: can_be_triggered(database, dag_id), LISTED_TIMEOUT_S, f"{dag_id} parsed")
    called = time.time()
    subject.airflow("dags", "trigger", "-r", run_id, dag_id)
    wait_until(lambda: run_times(database, dag_id, run_id) is not None, RUN_TIMEOUT_S, f"{dag_id} ended")
    times = run_times(database, dag_id, run_id)
    if times is None or times.state != "success":
        raise BenchError(f"the run of {dag_id} ended as {times.state if times else 'nothing'}")
    return times.ended - called, times.ended - times.queued


def new_dag(subject: Subject, dag_id: str) -> float:
    """Save a new DAG file; return the seconds until the DAG is listed."""
    database = subject.database()
    hidden, path = subject.dags_dir.parent / f"{dag_id}.py", subject.dags_dir / f"{dag_id}.py"
    hidden.write_text(NEW_DAG_TEXT.replace("{dag_id}", dag_id))
    hidden.rename(path)  # whole at once, as editors save
    started = time.monotonic()
    wait_until(lambda: is_listed(database, dag_id), LISTED_TIMEOUT_S, f"{path.name} listed")
    return time.monotonic() - started
