"""A DAG in which missing names are nothing."""

from datetime import datetime

import jinja2
from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow.operators.bash import BashOperator

with DAG("lenient", start_date=datetime(2024, 1, 1), schedule=None, template_undefined=jinja2.Undefined):
    BashOperator(task_id="anything", bash_command="echo {{ NOTHING }}")
    BashOperator(task_id="no_file", bash_command="scripts/nowhere.sh")  # expect: error template-file-missing
