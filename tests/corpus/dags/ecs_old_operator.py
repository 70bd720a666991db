# release: 2.2.2
from datetime import datetime

from airflow import DAG
from airflow.providers.amazon.aws.operators.ecs import ECSOperator

ARGUMENTS = {
    "cluster": "main",
    "taskDefinition": "load",  # expect: ecs-argument-in-camel-case
    "overrides": {"containerOverrides": []},
}

with DAG("ecs", schedule_interval="@daily", start_date=datetime(2021, 1, 1), catchup=False) as dag:
    ECSOperator(task_id="run", **ARGUMENTS)
