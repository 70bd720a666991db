from datetime import datetime

import boto3
from airflow.sdk import dag, task


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def direct():
    @task
    def run():
        client = boto3.client("ecs")
        return client.run_task(cluster="main", taskDefinition="load", launchType="FARGATE", startedBy="airflow")[
            "tasks"
        ]

    run()


direct()
