"""Two tasks in the words of Airflow 1.10, as DAGs that were written for it still have them."""

from datetime import datetime

from airflow import DAG
from airflow.operators.bash_operator import BashOperator

dag = DAG("old_words", start_date=datetime(2026, 1, 1), schedule_interval=None)
first = BashOperator(task_id="first", bash_command="echo first said", dag=dag)
second = BashOperator(task_id="second", bash_command="echo second said", dag=dag)
second.set_upstream(first)
