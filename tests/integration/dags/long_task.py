"""A task that takes longer than Celery's and Airflow's usual patience would show, and notes each of its starts."""

import os
import time
from datetime import datetime

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
    with open(os.path.join(os.environ["AIRFLOW_HOME"], "long_task_starts.txt"), "a") as file:
        file.write("%s\n" % os.getpid())
    time.sleep(SECONDS)


with DAG(
    dag_id="long_task",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=False,
    **MANUALLY,
) as dag:
    PythonOperator(task_id="sleep", python_callable=sleep)
