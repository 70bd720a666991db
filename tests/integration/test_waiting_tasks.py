"""Tasks that wait in the queue when an environment goes down are run when it comes up, each once.

A worker is there before the web server is, to which tasks of Airflow 3 report; a plugin makes that gap long here.
"""

from __future__ import annotations

import pytest

from tests.environments import RunningEnvironment, wait_until

pytestmark = [pytest.mark.network, pytest.mark.full, pytest.mark.disturbs]

SLOTS = 5  # of mw1.small
WAITING = 3
TASKS = SLOTS + WAITING
TASK_S = 10
GAP_S = 15
RUN_ID = "over_the_stop"
DAG = f"""\
from datetime import datetime
import time

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

def work():
    time.sleep({TASK_S})

with DAG("many", schedule=None, start_date=datetime(2026, 1, 1), catchup=False, is_paused_upon_creation=False):
    for number in range({TASKS}):
        PythonOperator(task_id=f"task_{{number}}", python_callable=work)
"""
SLOW_WEB_SERVER = f"""\
import os
import time

if os.environ.get("MWAA_AIRFLOW_COMPONENT") == "webserver":
    time.sleep({GAP_S})
"""


def states(running: RunningEnvironment) -> list[tuple[str, int]]:
    """Return state and try of each task, those that did not begin included."""
    return [
        (str(state), int(tried))
        for state, tried in running.query("SELECT state, try_number FROM task_instance WHERE run_id = %s", RUN_ID)
    ]


def test_tasks_that_wait_over_a_stop_are_run_once(latest_environment: RunningEnvironment) -> None:
    running = latest_environment
    running.runner.write({"dags/many.py": DAG, "plugins/slow_web_server.py": SLOW_WEB_SERVER})
    assert running.run("up").exit_code == 0
    running.trigger("many", RUN_ID)
    busy = [("running", 1)] * SLOTS
    wait_until(lambda: [item for item in states(running) if item[0] == "running"] == busy, 60, "all slots are taken")
    wait_until(lambda: len([item for item in states(running) if item[0] == "queued"]) == WAITING, 60, "others wait")
    assert running.run("down").exit_code == 0
    outcome = running.run("up", "--port", "0")
    assert outcome.exit_code == 0, outcome.stderr
    assert running.wait_for_run("many", RUN_ID) == "success"
    assert states(running) == [("success", 1)] * TASKS
