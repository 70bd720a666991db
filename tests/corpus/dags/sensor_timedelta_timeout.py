from datetime import datetime, timedelta

from airflow.sdk import DAG
from airflow.providers.http.sensors.http import HttpSensor

WAIT = timedelta(hours=3)

with DAG("api_up", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    HttpSensor(task_id="up", endpoint="health", timeout=WAIT.total_seconds())  # expect: sensor-holds-slot
    HttpSensor(task_id="up_too", endpoint="health", timeout=WAIT, deferrable=False)  # expect: sensor-holds-slot
