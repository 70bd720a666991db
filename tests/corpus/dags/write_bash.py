from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

with DAG("bash", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    BashOperator(task_id="a", bash_command="date > /usr/local/airflow/dags/stamp")  # expect: write-below-dags
    BashOperator(
        task_id="b",
        # expect: write-below-dags
        bash_command="""
            set -e
            aws s3 cp s3://bucket/model.bin /usr/local/airflow/dags/models/
        """,
    )
