"""A task for a queue that the environment does not have."""

from datetime import datetime

try:  # Airflow 3
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG

    MANUALLY = {"schedule": None}
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.operators.bash import BashOperator

    MANUALLY = {"schedule_interval": None}

with DAG(
    dag_id="other_queue",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=False,
    default_args={"retries": 0},
    **MANUALLY,
) as dag:
    BashOperator(task_id="never_runs", bash_command="true", queue="gpu")
