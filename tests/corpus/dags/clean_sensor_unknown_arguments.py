import json
from datetime import datetime
from pathlib import Path

from airflow.sdk import DAG
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor

OPTIONS = json.loads((Path(__file__).parent / "options.json").read_text())

with DAG("options", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    S3KeySensor(task_id="a", bucket_key="s3://b/k", **OPTIONS)
    S3KeySensor(task_id="b", bucket_key="s3://b/k", timeout=OPTIONS["timeout"], mode=OPTIONS["mode"])
