from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.docker.operators.docker import DockerOperator

DOCKER = "tcp://localhost:2375"

with DAG("local", schedule="@daily", start_date=datetime(2024, 1, 1)):
    DockerOperator(task_id="a", image="a:1", docker_url=DOCKER)  # expect: docker-operator
    DockerOperator.partial(task_id="b", image="b:1").expand(command=["x", "y"])  # expect: docker-operator
