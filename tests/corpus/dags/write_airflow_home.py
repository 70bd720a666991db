import os
from datetime import datetime

import boto3
import pandas as pd
from airflow import settings
from airflow.sdk import dag, task

AIRFLOW_HOME = os.environ["AIRFLOW_HOME"]


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def home():
    @task
    def save():
        frame = pd.DataFrame({"a": [1]})
        frame.to_csv(AIRFLOW_HOME + "/dags/data/a.csv")  # expect: write-below-dags
        frame.to_parquet(f"{AIRFLOW_HOME}/dags/data/a.parquet")  # expect: write-below-dags
        frame.to_json(os.path.join(settings.DAGS_FOLDER, "a.json"))  # expect: write-below-dags
        # expect: write-below-dags
        boto3.client("s3").download_file("bucket", "key", os.path.join(AIRFLOW_HOME, "dags", "x"))

    save()


home()
