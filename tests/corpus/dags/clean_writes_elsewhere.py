import json
import os
import shutil
from datetime import datetime
from pathlib import Path

import pandas as pd
from airflow.sdk import DAG, task

HERE = Path(__file__).parent
BASE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

with DAG("writes", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):

    @task
    def a():
        frame = pd.read_csv(HERE / "in.csv")
        frame.to_csv("s3://bucket/dags/out.csv")
        frame.to_json("/tmp/dags/out.json")
        shutil.copy(HERE / "in.csv", "/tmp/in.csv")
        (HERE.parent / "logs" / "mine").mkdir(parents=True, exist_ok=True)
        open(os.path.join(BASE, "tmp", "x"), "w").close()
        text = __file__.replace("/usr/local/airflow/dags", "")
        with open(HERE / "a.sql") as file, open("/usr/local/airflow/dags_old/x", "w") as out:
            out.write(file.read() + json.dumps(text))

    a()
