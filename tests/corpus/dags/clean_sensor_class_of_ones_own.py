from datetime import datetime

from airflow.sdk import DAG, BaseSensorOperator
from airflow.providers.standard.operators.python import PythonOperator


class Sensor:
    """A thermometer, nothing of Airflow."""

    def __init__(self, name):
        self.name = name


class RowSensor(BaseSensorOperator):
    def poke(self, context):
        return bool(Sensor("roof").name)


def read():
    return Sensor("cellar").name


with DAG("rooms", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    PythonOperator(task_id="read", python_callable=read) >> RowSensor(task_id="row", timeout=300)
