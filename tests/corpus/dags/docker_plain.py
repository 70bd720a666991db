from datetime import datetime

from airflow import DAG
from airflow.providers.docker.operators.docker import DockerOperator

with DAG("report", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False) as dag:
    pull = DockerOperator(  # expect: docker-operator
        task_id="build",
        image="registry.example.com/report:1",
        command=["make", "report"],
        auto_remove="success",
    )
