from datetime import datetime

from airflow.sdk import DAG, task
from airflow.providers.standard.operators.python import PythonOperator

default_args = {"owner": "ml", "queue": "cpu"}  # expect: queue-not-of-mwaa

with DAG("train", schedule=None, start_date=datetime(2024, 1, 1), default_args=default_args):
    PythonOperator(task_id="fit", python_callable=print, queue="gpu")  # expect: queue-not-of-mwaa

    @task(queue="high_memory")  # expect: queue-not-of-mwaa
    def score():
        return 1

    score()
