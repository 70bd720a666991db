from datetime import datetime, timedelta

from airflow.sdk import DAG
from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
from airflow.providers.standard.operators.bash import BashOperator

LIMIT = timedelta(hours=6)

with DAG(
    "limits",
    schedule="@weekly",
    start_date=datetime(2024, 1, 1),
    dagrun_timeout=timedelta(days=3),
    default_args={"execution_timeout": LIMIT, "retry_delay": timedelta(days=1)},
):
    BashOperator(task_id="a", bash_command="true", execution_timeout=2 * LIMIT)
    BashOperator(task_id="b", bash_command="true", execution_timeout=LIMIT + timedelta(minutes=30))
    GlueJobOperator(task_id="c", job_name="c", deferrable=True, execution_timeout=timedelta(days=2))
