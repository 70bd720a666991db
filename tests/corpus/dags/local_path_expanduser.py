import os
from datetime import datetime

from airflow.sdk import dag, task


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def keys():
    @task
    def read():
        with open(os.path.expanduser("~/secrets/service.json")) as file:  # expect: hard-coded-local-path
            return len(file.read())

    @task
    def log():
        open("/root/airflow/logs/mine.log").close()  # expect: hard-coded-local-path

    read() >> log()


keys()
