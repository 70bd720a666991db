from datetime import datetime, timedelta

from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("now", schedule="@hourly", start_date=datetime.now()):  # expect: start-date-at-parse-time
    EmptyOperator(task_id="a", start_date=datetime.today())  # expect: start-date-at-parse-time

YESTERDAY = datetime.combine(datetime.today() - timedelta(1), datetime.min.time())

with DAG("yesterday", schedule="@hourly", start_date=YESTERDAY):  # expect: start-date-at-parse-time
    EmptyOperator(task_id="a")
