"""What a task sees of an option that was made up, of the run's configuration, the startup script and the plugin.

The option is read while the file is imported, too: it is in the name of the DAG.
"""

import os
from datetime import datetime

from airflow import DAG
from words import IS_1, MANUALLY, BashOperator

if IS_1:  # where Airflow gave a plugin's operators a module of its own
    from airflow.operators.greeting_plugin import GreetOperator
else:
    from greeting_plugin import GreetOperator

ENV = os.getenv("AIRFLOW__APP__ENV")
SAY = """
echo day={{ params.day }} macro={{ macros.greeting_plugin.greet('all') }}
echo env=$AIRFLOW__APP__ENV team=${TEAM_NAME:-none}
"""

with DAG(f"seen_in_{ENV}", start_date=datetime(2026, 1, 1), params={"day": "default"}, **MANUALLY) as dag:
    GreetOperator(task_id="greet", whom="team") >> BashOperator(task_id="say", bash_command=SAY)
