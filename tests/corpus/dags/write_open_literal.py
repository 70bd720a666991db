import json
from datetime import datetime

from airflow.sdk import dag, task


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def state():
    @task
    def keep(rows=()):
        with open("/usr/local/airflow/dags/state/last.json", "w") as file:  # expect: write-below-dags
            json.dump(list(rows), file)

    @task
    def append():
        with open("/usr/local/airflow/dags/log.txt", mode="a") as file:  # expect: write-below-dags
            file.write("done")

    keep() >> append()


state()
