"""A load that rises and falls: many short tasks, then a few lanes of tasks that take 20 s, one after another."""

import os
import time
from datetime import datetime
from pathlib import Path

from airflow.sdk import chain, dag, task

MARKS_DIR = Path(os.environ["AIRFLOW__TESTS__MARKS_DIR"])
COUNT = int(os.environ["AIRFLOW__TESTS__TASKS"])
LANES, STEPS, STEP_S = 3, 6, 20


def mark(name: str) -> None:
    """Leave a line for each time that this is run to its end."""
    with (MARKS_DIR / name).open("a") as marks:
        marks.write("once\n")


@dag(schedule=None, start_date=datetime(2024, 1, 1), catchup=False, max_active_tasks=COUNT)
def load():
    @task
    def short(number):
        mark(f"short-{number}")

    def lane_step(step):
        @task(task_id=f"step_{step}")
        def long(lane):
            time.sleep(STEP_S)
            mark(f"long-{step}-{lane}")

        return long.expand(lane=list(range(LANES)))

    chain(short.expand(number=list(range(COUNT))), *(lane_step(step) for step in range(STEPS)))


load()
