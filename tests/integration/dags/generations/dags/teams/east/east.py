from datetime import datetime

from airflow import DAG
from words import MANUALLY, BashOperator

with DAG("team_east", start_date=datetime(2026, 1, 1), **MANUALLY) as dag:
    BashOperator(task_id="say", bash_command="echo east said")
