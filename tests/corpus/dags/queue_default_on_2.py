# release: 2.10.3
from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator

QUEUE = "default"

with DAG("two", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    BashOperator(task_id="a", bash_command="true", queue=QUEUE)  # expect: queue-not-of-mwaa
    BashOperator(task_id="b", bash_command="true", queue="celery-queue")  # expect: queue-not-of-mwaa
