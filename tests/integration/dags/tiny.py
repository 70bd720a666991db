"""Two tasks, one after the other, in words that every release from 1.10.12 on understands."""

from datetime import datetime

from airflow import DAG, __version__

try:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.providers.standard.operators.python import PythonOperator
except ImportError:
    try:
        from airflow.operators.bash import BashOperator
        from airflow.operators.python import PythonOperator
    except ImportError:  # Airflow 1.10
        from airflow.operators.bash_operator import BashOperator
        from airflow.operators.python_operator import PythonOperator


def answer():
    return 42


is_before_2_4 = tuple(map(int, __version__.split(".")[:2])) < (2, 4)
MANUALLY = {"schedule_interval" if is_before_2_4 else "schedule": None}

with DAG("tiny", start_date=datetime(2026, 1, 1), **MANUALLY) as dag:
    PythonOperator(task_id="answer", python_callable=answer) >> BashOperator(task_id="say", bash_command="echo said")
