import os
from datetime import datetime

from airflow.configuration import conf
from airflow.sdk import DAG
from airflow.providers.amazon.aws.operators.batch import BatchOperator
from airflow.providers.amazon.aws.sensors.sqs import SqsSensor
from airflow.providers.apache.livy.operators.livy import LivyOperator
from airflow.providers.standard.operators.bash import BashOperator

with DAG("queues", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    BashOperator(task_id="a", bash_command="true", queue="default")
    BashOperator(task_id="b", bash_command="true", queue=None)
    BashOperator(task_id="c", bash_command="true", queue=os.environ.get("QUEUE", "gpu"))
    BashOperator(task_id="d", bash_command="true", queue=conf.get("operators", "default_queue"))
    BashOperator(task_id="e", bash_command="true", queue="airflow-celery-2f8b1c3e-0000-1111-2222-333344445555")
    BatchOperator(task_id="f", job_name="f", job_definition="f", job_queue="gpu", container_overrides={})
    SqsSensor(task_id="g", sqs_queue="https://sqs.eu-west-1.amazonaws.com/1/events", mode="reschedule")
    LivyOperator(task_id="h", file="s3://bucket/a.jar", queue="etl")
