import os
import sys
from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

sys.path.append("/opt/airflow/plugins")  # expect: hard-coded-local-path
SQL = os.path.join("/opt/airflow/dags", "sql", "load.sql")  # expect: hard-coded-local-path

with DAG(
    "image",
    schedule="@daily",
    start_date=datetime(2024, 1, 1),
    template_searchpath=["/opt/airflow/include"],  # expect: hard-coded-local-path
):
    BashOperator(task_id="dbt", bash_command="cd /opt/airflow/dbt && dbt run")  # expect: hard-coded-local-path
    BashOperator(task_id="script", bash_command="/home/airflow/run.sh ")  # expect: hard-coded-local-path
