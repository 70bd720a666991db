from datetime import datetime, timedelta

import pendulum
from airflow.sdk import DAG, task
from airflow.providers.standard.operators.bash import BashOperator

DAY = timedelta(days=1)

with DAG(
    "long",
    schedule="@weekly",
    start_date=datetime(2024, 1, 1),
    default_args={"execution_timeout": timedelta(hours=13)},  # expect: task-longer-than-12h
):
    BashOperator(task_id="a", bash_command="sleep 1", execution_timeout=2 * DAY)  # expect: task-longer-than-12h
    BashOperator(
        task_id="b",
        bash_command="sleep 1",
        execution_timeout=pendulum.duration(hours=12, minutes=1),  # expect: task-longer-than-12h
    )

    @task(execution_timeout=timedelta(seconds=50_000))  # expect: task-longer-than-12h
    def c():
        return 1

    c()
