from datetime import datetime

from airflow.hooks.base import BaseHook
from airflow.models import BaseOperator, Variable
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, task


def load(**context):
    return Variable.get("settings"), PostgresHook("warehouse").get_records("SELECT 1"), helper()


def helper():
    return BaseHook.get_connection("warehouse").host


def on_failure(context):
    Variable.set("last_failure", context["ds"])


class Mine(BaseOperator):
    def execute(self, context):
        return Variable.get("mine")


with DAG("tasks", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False, on_failure_callback=on_failure):
    PythonOperator(task_id="a", python_callable=load, op_kwargs={"x": "{{ var.value.x }}"})
    PythonOperator(task_id="b", python_callable=lambda: Variable.get("b"))
    Mine(task_id="c")

    @task
    def d():
        return helper()

    d()
