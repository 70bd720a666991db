from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor

SENSOR = {"mode": "reschedule", "poke_interval": 300}

with DAG(
    "waits",
    schedule="@daily",
    start_date=datetime(2024, 1, 1),
    default_args={"mode": "reschedule", "timeout": 86400},
):
    S3KeySensor(task_id="a", bucket_key="s3://b/k")
    S3KeySensor(task_id="b", bucket_key="s3://b/k", **SENSOR)
