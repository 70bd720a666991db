from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator

NETWORK = {
    "awsvpc_configuration": {  # expect: ecs-argument-in-camel-case
        "subnets": ["subnet-1"],
        "security_groups": ["sg-1"],  # expect: ecs-argument-in-camel-case
        "assign_public_ip": "ENABLED",  # expect: ecs-argument-in-camel-case
    }
}

with DAG("ecs", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    EcsRunTaskOperator(
        task_id="run",
        cluster="main",
        task_definition="load:1",
        launch_type="FARGATE",
        overrides={"container_overrides": [{"name": "load"}]},  # expect: ecs-argument-in-camel-case
        network_configuration=NETWORK,
    )
