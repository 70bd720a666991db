# release: 2.10.3
from datetime import datetime, timedelta

from airflow import DAG
from airflow.models import Variable
from airflow.operators.bash import BashOperator
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.docker.operators.docker import DockerOperator

default_args = {
    "owner": "airflow",
    "start_date": datetime.utcnow() - timedelta(days=1),  # expect: start-date-at-parse-time
    "schedule_interval": "@hourly",  # expect: dag-argument-in-default-args
    "queue": "workers",  # expect: queue-not-of-mwaa
}

with DAG("legacy", default_args=default_args) as dag:
    # expect: sensor-holds-slot, variable-at-top-level
    wait = S3KeySensor(bucket_key=Variable.get("key"), task_id="wait")
    build = DockerOperator(task_id="build", image="a:1")  # expect: docker-operator
    done = BashOperator(task_id="done", bash_command="touch /usr/local/airflow/dags/done")  # expect: write-below-dags
    wait >> build >> done
