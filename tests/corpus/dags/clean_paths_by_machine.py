import os
import platform
from datetime import datetime
from pathlib import Path

from airflow.sdk import DAG, task

DATA = os.environ.get("DATA_DIR", "/home/ana/data")
ROOT = "/Users/ana/etl" if platform.system() == "Darwin" else "/usr/local/airflow/dags"

if os.path.exists("/opt/airflow/dags"):
    ROOT = "/opt/airflow/dags"

with DAG("machine", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):

    @task
    def a():
        return Path("/home/ana/marker").exists()

    a()
