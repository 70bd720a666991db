import os
import tempfile
from datetime import datetime
from pathlib import Path

from airflow.sdk import DAG, task
from airflow.providers.standard.operators.bash import BashOperator

AIRFLOW_HOME = os.environ.get("AIRFLOW_HOME", "/usr/local/airflow")
CONFIG = Path(__file__).parent / "config" / "a.yaml"

with DAG(
    "paths",
    schedule="@daily",
    start_date=datetime(2024, 1, 1),
    template_searchpath=["/usr/local/airflow/dags/sql", f"{AIRFLOW_HOME}/plugins/sql"],
):
    BashOperator(task_id="a", bash_command="python /usr/local/airflow/dags/scripts/a.py > /tmp/a.txt")

    @task
    def b():
        with tempfile.TemporaryDirectory() as folder, open(f"{folder}/x", "w") as file:
            file.write(CONFIG.read_text())
        with open("/tmp/b.txt", "w") as file, open("/usr/local/airflow/dags/config/b.yaml") as other:
            file.write(other.read())

    b()
