from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.standard.sensors.external_task import ExternalTaskSensor

with DAG("waits", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    S3KeySensor(task_id="file", bucket_key="s3://bucket/{{ ds }}.csv", poke_interval=60)  # expect: sensor-holds-slot
    ExternalTaskSensor(  # expect: sensor-holds-slot
        task_id="other",
        external_dag_id="orders",
        mode="poke",
        timeout=60 * 60 * 2,
    )
