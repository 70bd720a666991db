"""Ruff's rules on Airflow, asked about one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.dags.air import air_findings
from mwaa_local.finding import Finding
from mwaa_local.release import Release
from tests.environments import LATEST
from tests.unit.check.dags.dag_sources import FindAir

LEGACY = """\
from datetime import datetime

from airflow import DAG
from airflow.operators.dummy import DummyOperator
from airflow.operators.python import PythonOperator
from airflow.utils.dates import days_ago

dag = DAG("a", schedule_interval="@daily", start_date=days_ago(1))
dag_too = DAG("b", start_date=datetime(2024, 1, 1))
first = DummyOperator(task_id="first", dag=dag)
other = PythonOperator(task_id="second", python_callable=print, dag=dag)
third = PythonOperator(task_id="third", python_callable=print, op_args=[datetime.now()], dag=dag)
"""


@pytest.fixture
def air(tmp_path: Path) -> FindAir:
    """Write a file and return what ruff's rules find in it, by rule; the last where there are several."""

    def find(
        text: str = LEGACY,
        version: str = LATEST,
        env: dict[str, str] | None = None,
        has: dict[str, bool] | None = None,
    ) -> dict[str, Finding]:
        path = tmp_path / "dags" / "a.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        items = air_findings([path], tmp_path, Release.load(version), env or {}, has)
        return {item.rule: item for item in items}

    return find
