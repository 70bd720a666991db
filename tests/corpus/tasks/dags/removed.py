"""Names that Airflow 3 took out of templates."""

from datetime import datetime

from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow.operators.bash import BashOperator

with DAG("removed", start_date=datetime(2024, 1, 1), schedule="@daily", catchup=False):
    BashOperator(
        task_id="old",
        bash_command="echo {{ execution_date }}"  # expect: later template-name-removed
        " {{ prev_ds }}"  # expect: later template-name-removed
        " {{ next_ds }}"  # expect: later template-name-removed
        " {{ yesterday_ds_nodash }}"  # expect: later template-name-removed
        " {{ conf.get('core', 'parallelism') }}"  # expect: later template-name-removed
        " {{ ti.execution_date }}"  # expect: later template-name-removed
        " {{ ti.start_date }} {{ dag_run.logical_date }}",
    )
    BashOperator(task_id="either", bash_command="{{ execution_date if execution_date is defined else logical_date }}")

with DAG("own", start_date=datetime(2024, 1, 1), schedule=None, user_defined_macros={"execution_date": "mine"}):
    BashOperator(task_id="own_name", bash_command="echo {{ execution_date }}")
