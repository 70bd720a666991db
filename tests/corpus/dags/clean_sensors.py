from datetime import datetime, timedelta

from airflow.sdk import DAG
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.standard.sensors.date_time import DateTimeSensorAsync
from airflow.providers.standard.sensors.external_task import ExternalTaskSensor

with DAG("sensors", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    S3KeySensor(task_id="a", bucket_key="s3://b/k", mode="reschedule", timeout=60 * 60 * 24)
    S3KeySensor(task_id="b", bucket_key="s3://b/k", deferrable=True, execution_timeout=timedelta(days=2))
    S3KeySensor(task_id="c", bucket_key="s3://b/k", timeout=10 * 60)
    DateTimeSensorAsync(task_id="d", target_time="{{ data_interval_end }}")
    ExternalTaskSensor(task_id="e", external_dag_id="x", timeout=timedelta(minutes=59).total_seconds())
