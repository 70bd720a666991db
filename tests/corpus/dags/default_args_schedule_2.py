# release: 2.10.3
from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator

default_args = {
    "owner": "data",
    "depends_on_past": False,
    "retries": 1,
    "retry_delay": timedelta(minutes=5),
    "schedule_interval": "0 4 * * *",  # expect: dag-argument-in-default-args
    "catchup": False,  # expect: dag-argument-in-default-args
    "max_active_runs": 1,  # expect: dag-argument-in-default-args
}

with DAG("nightly", default_args=default_args, start_date=datetime(2024, 1, 1)) as dag:
    BashOperator(task_id="run", bash_command="echo run")
