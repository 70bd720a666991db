"""Asks for a Variable and a Connection that a secrets backend has: when the file is imported, and in a task."""

import datetime
import json
import os
import pathlib

try:
    from airflow.sdk import DAG, BaseHook, Variable
except ImportError:
    from airflow import DAG
    from airflow.hooks.base import BaseHook
    from airflow.models import Variable
try:
    from airflow.providers.standard.operators.python import PythonOperator
except ImportError:
    from airflow.operators.python import PythonOperator

STAGE, ORDERS = Variable.get("stage"), BaseHook.get_connection("orders")


def ask():
    orders = BaseHook.get_connection("orders")
    found = {
        "at_import": [STAGE, ORDERS.host, ORDERS.password],
        "in_task": [Variable.get("stage"), orders.host, orders.password],
    }
    pathlib.Path(os.environ["AIRFLOW_HOME"], "logs", "secrets.json").write_text(json.dumps(found))


with DAG(
    "reads_secrets",
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=False,
    tags=[STAGE, ORDERS.host],  # what the dag-processor found is in the database
) as dag:
    PythonOperator(task_id="ask", python_callable=ask)
