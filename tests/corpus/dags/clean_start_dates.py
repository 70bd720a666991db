from datetime import datetime, timedelta, timezone

import pendulum
from airflow.sdk import DAG, task
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

START = pendulum.datetime(2024, 1, 1, tz="Europe/Berlin")

with DAG("dates", schedule="@daily", start_date=START - timedelta(days=1), end_date=datetime(2030, 1, 1)):
    TriggerDagRunOperator(task_id="a", trigger_dag_id="b", conf={"start_date": "{{ ds }}"})

    @task
    def b():
        now = datetime.now(timezone.utc)
        report(start_date=now - timedelta(days=1), end_date=pendulum.now())

    b()


def report(start_date, end_date):
    return {"start_date": datetime.utcnow(), "from": start_date, "to": end_date}
