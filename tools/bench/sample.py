"""The project that is measured: a copy of the sample, and the DAG files written beside it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from mwaa_local.project import ENVIRONMENT_FILE
from mwaa_local.release import Release
from tools.bench.rows import TASKS

ROOT_DIR = Path(__file__).resolve().parents[2]
SAMPLE_FOLDERS = ("dags", "plugins", "requirements", "startup")
SAMPLE_DAG = "hello_mwaa"
HUNDRED_DAG = "bench_hundred"
HUNDRED_TEXT = f'''\
from datetime import datetime

try:  # Airflow 3
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG

    MANUALLY = {{"schedule": None}}
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.operators.python import PythonOperator

    MANUALLY = {{"schedule_interval": None}}


def nothing():
    pass


with DAG(
    dag_id="{HUNDRED_DAG}",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_tasks={TASKS},
    **MANUALLY,
) as dag:
    for number in range({TASKS}):
        PythonOperator(task_id="task_%03d" % number, python_callable=nothing)
'''
NEW_DAG_TEXT = HUNDRED_TEXT.replace(f'"{HUNDRED_DAG}"', '"{dag_id}"').replace(f"range({TASKS})", "range(1)")


def copy_sample(root_dir: Path, release: Release) -> None:
    """Make a project with the sample's files, at that release."""
    for name in SAMPLE_FOLDERS:
        if (ROOT_DIR / name).is_dir():
            shutil.copytree(ROOT_DIR / name, root_dir / name, ignore=shutil.ignore_patterns("__pycache__"))
    line = f'AirflowVersion: "{release.airflow_version}"'
    text = (ROOT_DIR / ENVIRONMENT_FILE).read_text(encoding="utf-8")
    changed, count = re.subn(r"(?m)^AirflowVersion:.*$", line, text)
    (root_dir / ENVIRONMENT_FILE).write_text(changed if count else f"{line}\n{text}", encoding="utf-8")
