"""A task that takes longer than Celery's and Airflow's usual patience would show, and notes each of its starts."""

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

SECONDS = 90


def sleep():
    with Path(os.environ["AIRFLOW_HOME"], "long_task_starts.txt").open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(SECONDS)


with DAG(
    dag_id="long_task",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=False,
    **MANUALLY,
) as dag:
    PythonOperator(task_id="sleep", python_callable=sleep)
