from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator

with DAG("ecs", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    EcsRunTaskOperator(
        task_id="run",
        cluster="main",
        taskDefinition="load:1",  # expect: ecs-argument-in-camel-case
        launchType="FARGATE",  # expect: ecs-argument-in-camel-case
        platformVersion="LATEST",  # expect: ecs-argument-in-camel-case
        overrides={},
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["a"]}},  # expect: ecs-argument-in-camel-case
        startedBy="airflow",  # expect: ecs-argument-in-camel-case
    )
