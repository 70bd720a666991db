import os
from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.docker.operators.docker import DockerOperator

with DAG("remote", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    DockerOperator(task_id="a", image="a:1", docker_url="tcp://build.internal:2376", tls_verify=True)
    DockerOperator(task_id="b", image="a:1", docker_url=os.environ["BUILD_HOST"])
