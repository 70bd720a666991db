# release: 2.2.2
from airflow import DAG
from airflow.operators.dummy import DummyOperator
from airflow.utils.dates import days_ago

args = {
    "owner": "data",
    "start_date": days_ago(2),  # expect: start-date-at-parse-time
}

dag = DAG(dag_id="ago", default_args=args, schedule_interval="@daily")
DummyOperator(task_id="start", dag=dag)
