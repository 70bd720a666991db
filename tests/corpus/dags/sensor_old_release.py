# release: 2.2.2
from datetime import datetime

from airflow import DAG
from airflow.sensors.python import PythonSensor

with DAG("old", schedule_interval="@daily", start_date=datetime(2021, 1, 1), catchup=False) as dag:
    PythonSensor(task_id="wait", python_callable=lambda: True)  # expect: sensor-holds-slot
