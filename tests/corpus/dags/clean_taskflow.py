from datetime import datetime

from airflow.sdk import dag, task


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False, tags=["etl"], max_active_runs=1)
def etl():
    @task(retries=2)
    def extract():
        return {"a": 1}

    @task
    def load(rows):
        print(len(rows))

    load(extract())


etl()
