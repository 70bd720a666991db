from datetime import datetime

from airflow.sdk import DAG, Param, TaskGroup, task, task_group
from airflow.providers.standard.operators.bash import BashOperator

with DAG(
    "groups",
    schedule=None,
    start_date=datetime(2024, 1, 1),
    params={"path": Param("/tmp/x", type="string"), "password_policy": "strict1"},
    user_defined_macros={"home": "/usr/local/airflow"},
):
    with TaskGroup("first", default_args={"retries": 3, "pool": "small"}):
        BashOperator.partial(task_id="a", retries=1).expand(bash_command=["echo 1", "echo 2"])

    @task_group(default_args={"retries": 1})
    def second(value):
        @task
        def b(x):
            return x

        return b(value)

    second(1)
