from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor

KEYS = ["s3://bucket/a", "s3://bucket/b"]

with DAG("mapped", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    S3KeySensor.partial(task_id="a", poke_interval=60).expand(bucket_key=KEYS)  # expect: sensor-holds-slot
    S3KeySensor.partial(task_id="b", mode="reschedule").expand(bucket_key=KEYS)
    S3KeySensor.partial(task_id="c").expand_kwargs([{"bucket_key": key, "timeout": 60} for key in KEYS])
    S3KeySensor.partial(task_id="d", bucket_key="s3://bucket/a").expand(timeout=[60, 120])
