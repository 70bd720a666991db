"""Data was in /home/ana/data once."""

import logging
from datetime import datetime

from airflow.sdk import DAG, task
from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.standard.operators.bash import BashOperator

log = logging.getLogger(__name__)

with DAG("words", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False, doc_md="/home/ana/README.md"):
    HttpOperator(task_id="a", endpoint="/home/index.html")
    BashOperator(task_id="b", bash_command="curl https://example.com/home/news && echo s3://bucket/Users/x")
    BashOperator(task_id="c", bash_command="ssh deploy@host.example.com '/home/deploy/run.sh'")

    @task
    def d(path: str):
        """Reads /Users/ana/file.txt."""
        if path == "/home/ana" or path.startswith("/opt/airflow"):
            log.warning("/home/ana/x is not here")
        return path.replace("/root/", "/")

    d("s3://bucket/home/ana")
