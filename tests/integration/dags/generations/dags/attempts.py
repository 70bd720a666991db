"""A task that fails at each of its four attempts, and says at which it is."""

from datetime import datetime, timedelta

from airflow import DAG
from words import MANUALLY, BashOperator

RETRIES = {"retries": 3, "retry_delay": timedelta(seconds=1)}

with DAG("attempts", start_date=datetime(2026, 1, 1), default_args=RETRIES, **MANUALLY) as dag:
    BashOperator(task_id="fails", bash_command="echo this is attempt {{ ti.try_number }} of four; exit 3")
