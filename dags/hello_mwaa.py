"""A four-task DAG that shows what reaches a task on MWAA: an option, a startup variable, a plugin, a package.

It runs as it is on every Airflow that MWAA has had since 2.0. Change it, save it, and look at the web server's page.
"""

from __future__ import annotations

import os
from datetime import datetime

try:  # Airflow 3
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG

    MANUALLY = {"schedule": None}
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.operators.bash import BashOperator
    from airflow.operators.python import PythonOperator

    MANUALLY = {"schedule_interval": None}


def greet() -> str:
    """Return the greeting that the option `app.greeting` in mwaa.yaml sets."""
    greeting = os.getenv("AIRFLOW__APP__GREETING", "no greeting set")
    print(greeting)
    return greeting


def describe() -> str:
    """Return what startup/startup.sh exported; MWAA runs it in every container before Airflow starts."""
    text = (
        f"{os.environ['TEAM_NAME']} works in {os.environ['MWAA_AIRFLOW_COMPONENT']}, home {os.environ['AIRFLOW_HOME']}"
    )
    print(text)
    return text


with DAG(
    dag_id="hello_mwaa",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=False,
    tags=["sample"],
    **MANUALLY,
) as dag:
    option = PythonOperator(task_id="read_option", python_callable=greet)
    startup = PythonOperator(task_id="read_startup_variable", python_callable=describe)
    plugin = BashOperator(
        task_id="use_plugin",
        bash_command="echo '{{ macros.hello_plugin.shout(\"a macro from plugins/\") }}'",
    )
    done = BashOperator(task_id="say_goodbye", bash_command="echo 'all four ran on {{ ti.hostname }}'")

    option >> [startup, plugin] >> done
