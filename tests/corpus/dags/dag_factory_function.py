from datetime import datetime

from airflow.sdk import DAG, Variable
from airflow.providers.standard.operators.bash import BashOperator


def make_dag(name, start=None):
    # expect: start-date-at-parse-time
    with DAG(name, schedule="@daily", start_date=datetime.now(), catchup=False) as dag:
        BashOperator(task_id="a", bash_command="echo " + Variable.get(name))  # expect: variable-at-top-level
    return dag


for name in ("a", "b"):
    globals()[name] = make_dag(name)
