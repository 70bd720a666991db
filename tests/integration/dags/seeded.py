"""Asks for what `airflow_settings.yaml` put in: the variable as soon as the file is imported, the rest in a task."""

import datetime
import json
import os
import pathlib

try:
    from airflow.sdk import DAG, Connection, Variable
except ImportError:
    from airflow import DAG
    from airflow.models import Connection, Variable
try:
    from airflow.providers.standard.operators.python import PythonOperator
except ImportError:
    from airflow.operators.python import PythonOperator

GREETING = Variable.get("greeting")  # without it this file cannot be imported


def write_what_is_there():
    if hasattr(Connection, "get_connection_from_secrets"):
        connection = Connection.get_connection_from_secrets("my_db")
    else:
        connection = Connection.get("my_db")
    found = {
        "greeting": GREETING,
        "host": connection.host,
        "password": connection.password,
        "port": connection.port,
        "extra": connection.extra_dejson,
    }
    pathlib.Path(os.environ["AIRFLOW_HOME"], "logs", "seeded.json").write_text(json.dumps(found))


with DAG("seeded", start_date=datetime.datetime(2026, 1, 1), catchup=False, is_paused_upon_creation=False) as dag:
    PythonOperator(task_id="look", python_callable=write_what_is_there, pool="narrow")
