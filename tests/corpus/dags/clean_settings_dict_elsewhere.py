from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

DAGS = {
    "orders": {"schedule": "@daily", "catchup": False, "queue": "orders-events"},
    "stock": {"schedule": "@hourly", "catchup": True, "queue": "stock-events"},
}

for name, setting in DAGS.items():
    with DAG(name, schedule=setting["schedule"], catchup=setting["catchup"], start_date=datetime(2024, 1, 1)):
        EmptyOperator(task_id="start")
