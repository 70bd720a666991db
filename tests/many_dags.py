"""A project with many DAG files of ordinary size, for measuring; also `python -m tests.many_dags FOLDER [COUNT]`."""

from __future__ import annotations

import sys
from pathlib import Path

COUNT = 500
# Of a release that has the amazon provider in its image, as all of Airflow 2.4 and later have.
DAG = '''"""Loads table {number} every day."""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.providers.amazon.aws.operators.s3 import S3ListOperator
{imports}

BUCKET = "raw-data-{number}"


def transform(**context):
    return [key.upper() for key in context["ti"].xcom_pull("list") or []]


with DAG(
    "load_table_{number}",
    start_date=datetime(2024, 1, 1),
    schedule="@daily",
    catchup=False,
    default_args={{"retries": 2, "retry_delay": timedelta(minutes=5)}},
    tags=["load", "daily"],
) as dag:
    listed = S3ListOperator(task_id="list", bucket=BUCKET, prefix="day={{{{ ds }}}}/")
    transformed = PythonOperator(task_id="transform", python_callable=transform)
    reported = BashOperator(task_id="report", bash_command="echo {{{{ ds }}}} {number}")
    listed >> transformed >> reported
'''
IMPORTS = (
    "from airflow.providers.standard.operators.bash import BashOperator\n"
    "from airflow.providers.standard.operators.python import PythonOperator"
)
IMPORTS_BEFORE_3 = (
    "from airflow.operators.bash import BashOperator\nfrom airflow.operators.python import PythonOperator"
)


def many_dags(count: int = COUNT, imports: str = IMPORTS) -> dict[str, str]:
    """Return the files, path below the project's folder -> text."""
    return {f"dags/team_{n % 10}/load_{n}.py": DAG.format(number=n, imports=imports) for n in range(count)}


def main(folder: str, count: str = str(COUNT)) -> None:
    for name, text in many_dags(int(count)).items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
