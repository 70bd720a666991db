"""A value that cannot be looked into before the task runs: the rest is told all the same."""

from datetime import datetime

from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow.operators.bash import BashOperator


class Late:
    """Has its attributes within the task."""

    def __getattr__(self, name):
        if name in ("task_id", "template_fields"):
            raise RuntimeError("only within the task")
        raise AttributeError(name)


with DAG("unreadable", start_date=datetime(2024, 1, 1), schedule=None):
    BashOperator(
        task_id="late",
        env={"LATE": Late()},
        bash_command="echo {{ BESIDE }}",  # expect: error template-name-undefined
        pool="unknown_pool",  # expect: note missing-pool
    )
    BashOperator(task_id="after", bash_command="echo {{ AFTER }}")  # expect: error template-name-undefined
