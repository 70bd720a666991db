"""Runs that assets trigger, which have no logical date. Of Airflow 3 alone."""

from datetime import datetime

from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import Asset
except ImportError:
    from airflow.datasets import Dataset as Asset
    from airflow.operators.bash import BashOperator

with DAG("after_asset", start_date=datetime(2024, 1, 1), schedule=[Asset("s3://bucket/key")]):
    BashOperator(task_id="day", bash_command="echo {{ ds }}")  # expect-3: error template-name-undefined
    BashOperator(task_id="asked", bash_command="echo {{ ds | default('none') }} {{ run_id }}")
