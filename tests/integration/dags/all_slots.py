"""As many tasks as a worker of mw1.small has slots; each ends well only when all of them run at the same time."""

import os
import time
from datetime import datetime
from pathlib import Path

try:  # Airflow 3
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG

    MANUALLY = {"schedule": None}
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.operators.python import PythonOperator

    MANUALLY = {"schedule_interval": None}

SLOTS = 5
PATIENCE_S = 90


def meet(run_id, ti, **_):
    folder = Path(os.environ["AIRFLOW_HOME"], "meeting-" + run_id)
    folder.mkdir(exist_ok=True)
    (folder / ti.task_id).touch()
    deadline = time.monotonic() + PATIENCE_S
    while len(list(folder.iterdir())) < SLOTS:
        if time.monotonic() > deadline:
            (folder / ti.task_id).unlink()
            raise TimeoutError("the others did not come")
        time.sleep(0.2)


with DAG(
    dag_id="all_slots",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=False,
    default_args={"retries": 0},
    **MANUALLY,
) as dag:
    for number in range(SLOTS):
        PythonOperator(task_id=f"meet_{number}", python_callable=meet)
