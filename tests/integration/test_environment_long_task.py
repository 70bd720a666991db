"""A long task, started first of all and looked at last, so that it costs no time of its own."""

from __future__ import annotations

import pytest

from tests.environments import LONG_RUN_ID, RunningEnvironment

pytestmark = [pytest.mark.full, pytest.mark.network]

LONG_TASK_TIMEOUT_S = 180.0  # it sleeps for 90 s


def test_task_of_90_s_runs_exactly_once(latest_environment: RunningEnvironment) -> None:
    """With a short visibility timeout the broker would deliver its message again while it still runs."""
    environment = latest_environment
    assert environment.wait_for_run("long_task", LONG_RUN_ID, LONG_TASK_TIMEOUT_S) == "success"
    starts = (environment.worker_home_dir / "long_task_starts.txt").read_text().splitlines()
    assert len(starts) == 1
    rows = environment.query(
        "SELECT state, try_number, extract(epoch FROM end_date - start_date) FROM task_instance"
        " WHERE dag_id = 'long_task' AND run_id = %s",
        LONG_RUN_ID,
    )
    assert [(state, tries) for state, tries, _ in rows] == [("success", 1)]
    assert rows[0][2] >= 90
    # One message, one delivery: the worker notes each that it receives under the id that Celery gave the message.
    [(message_id,)] = environment.query(
        "SELECT external_executor_id FROM task_instance WHERE dag_id = 'long_task' AND run_id = %s", LONG_RUN_ID
    )
    lines = environment.run("logs", "worker").stdout.splitlines()
    assert len([line for line in lines if message_id in line and "received" in line]) == 1
    assert environment.status()["figures"]["queued_messages"] == 0
