"""What a task finds around it, written down as JSON for a test to read."""

import json
import os
from datetime import datetime
from pathlib import Path

import botocore.session
from airflow.configuration import conf

try:  # Airflow 3
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG

    MANUALLY = {"schedule": None}
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.operators.python import PythonOperator

    MANUALLY = {"schedule_interval": None}

# On MWAA a DAG file that reads one of these cannot be imported; no process here may have them either.
FOLDERS = [name for name in os.environ if name.startswith("AIRFLOW__") and name.endswith("_FOLDER")]
assert not FOLDERS, FOLDERS


def effective_options():
    """Return {variable: value in effect} for every option that the environment sets."""
    found = {}
    for name in os.environ:
        if name.startswith("AIRFLOW__") and name.count("__") >= 2:
            section, key = name[len("AIRFLOW__") :].lower().split("__", 1)
            found[name] = conf.get(section, key)
    return found


def look_around():
    home_dir = Path(os.environ["AIRFLOW_HOME"])
    seen = {
        "env": dict(os.environ),
        "cwd": str(Path.cwd()),
        "dag_file": os.path.realpath(__file__),
        "listing": {
            name: sorted(path.name for path in (home_dir / name).iterdir())
            for name in ("dags", "plugins", "requirements", "startup")
        },
        "aws_credentials": botocore.session.get_session().get_credentials() is not None,
        "options": effective_options(),
    }
    (home_dir / "probe.json").write_text(json.dumps(seen))


with DAG(
    dag_id="probe",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=False,
    **MANUALLY,
) as dag:
    PythonOperator(task_id="look_around", python_callable=look_around)
