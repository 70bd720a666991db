from datetime import datetime

from airflow import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

BASE = {"owner": "data", "is_paused_upon_creation": False}  # expect: dag-argument-in-default-args
default_args = {**BASE, "retries": 3}
default_args["concurrency"] = 4  # expect: dag-argument-in-default-args
default_args.update({"dag_id": "merged"})  # expect: dag-argument-in-default-args

with DAG("merged", schedule="@daily", start_date=datetime(2024, 1, 1), default_args=default_args):
    EmptyOperator(task_id="start")
