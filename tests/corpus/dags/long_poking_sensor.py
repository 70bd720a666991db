from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor

with DAG("patient", schedule="@weekly", start_date=datetime(2024, 1, 1), catchup=False):
    S3KeySensor(
        task_id="wait",
        bucket_key="s3://bucket/key",
        poke_interval=300,
        timeout=24 * 60 * 60,  # expect: task-longer-than-12h
    )
