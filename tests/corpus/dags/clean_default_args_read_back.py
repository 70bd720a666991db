from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

default_args = {"owner": "data", "schedule": "@daily", "tags": ["a"]}
dag_args = {"schedule": "@weekly", "catchup": False, "max_active_runs": 1, "start_date": datetime(2024, 1, 1)}

with DAG(
    "one",
    default_args=default_args,
    schedule=default_args["schedule"],
    tags=default_args.pop("tags"),
    start_date=datetime(2024, 1, 1),
):
    EmptyOperator(task_id="a")

with DAG("two", **dag_args):
    EmptyOperator(task_id="a")
