import pandas as pd
from datetime import datetime

from airflow.sdk import dag, task

DATA_DIR = "/Users/ana/projects/etl/data"  # expect: hard-coded-local-path


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def etl():
    @task
    def extract():
        return pd.read_csv(f"{DATA_DIR}/in.csv").to_dict()

    @task
    def load(rows):
        pd.DataFrame(rows).to_csv("/home/ana/out.csv")  # expect: hard-coded-local-path

    load(extract())


etl()
