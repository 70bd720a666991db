from datetime import datetime

from airflow.models import Variable
from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

SETTINGS = Variable.get("settings", deserialize_json=True)  # expect: variable-at-top-level

with DAG("settings", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    BashOperator(task_id="a", bash_command=f"echo {Variable.get('bucket')}")  # expect: variable-at-top-level
