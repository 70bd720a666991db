from datetime import datetime, timedelta

from airflow.sdk import DAG
from airflow.providers.amazon.aws.operators.ecs import EcsRegisterTaskDefinitionOperator, EcsRunTaskOperator

OVERRIDES = {
    "containerOverrides": [
        {
            "name": "load",
            "command": ["/home/app/run.sh", "--all"],
            "environment": [{"name": "task_role_arn", "value": "security_groups"}],
            "resourceRequirements": [{"type": "GPU", "value": "1"}],
        }
    ],
    "taskRoleArn": "arn:aws:iam::123456789012:role/load",
}

with DAG("ecs", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    EcsRegisterTaskDefinitionOperator(
        task_id="register",
        family="load",
        container_definitions=[{"name": "load", "image": "load:1", "workingDirectory": "/root/app"}],
        register_task_kwargs={"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256"},
    ) >> EcsRunTaskOperator(
        task_id="run",
        cluster="main",
        task_definition="load",
        launch_type="FARGATE",
        capacity_provider_strategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
        overrides=OVERRIDES,
        network_configuration={"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}},
        awslogs_fetch_interval=timedelta(seconds=5),
        deferrable=True,
    )
