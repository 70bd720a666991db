from datetime import datetime, timedelta

from airflow.sdk import DAG
from airflow.providers.amazon.aws.operators.batch import BatchOperator

default_args = {
    "owner": "data",
    "start_date": datetime(2024, 1, 1),
    "end_date": None,
    "params": {"schedule": "daily", "catchup": False},
    "doc_md": "of each task",
    "max_active_tis_per_dag": 2,
    "render_template_as_native_obj": True,
    "execution_timeout": timedelta(hours=2),
    "tags": {"team": "data"},
    "on_failure_callback": print,
}

with DAG("batch", default_args=default_args, schedule="@daily", catchup=False):
    BatchOperator(task_id="a", job_name="a", job_definition="a:1", job_queue="high", container_overrides={})
