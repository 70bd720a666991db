# release: 2.2.2
from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.python import PythonOperator
from airflow.providers.amazon.aws.sensors.s3_key import S3KeySensor

default_args = {
    "owner": "airflow",
    "depends_on_past": False,
    "start_date": datetime(2021, 1, 1),
    "email": ["a@example.com"],
    "email_on_failure": False,
    "retries": 1,
    "retry_delay": timedelta(minutes=5),
}

dag = DAG("old", default_args=default_args, schedule_interval=timedelta(days=1), catchup=False, concurrency=4)

t1 = BashOperator(task_id="t1", bash_command="date", dag=dag)
t2 = PythonOperator(task_id="t2", python_callable=lambda: None, dag=dag)
t3 = S3KeySensor(task_id="t3", bucket_key="s3://b/k", mode="reschedule", dag=dag)
t1 >> [t2, t3]
