"""A project with a history in its metadata database, and what of it has to be readable in any release."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

from tests.airflow_output import json_in
from tests.conftest import ProjectRunner
from tests.environments import RunningEnvironment

WORD, PASSWORD, SECRET = "marmalade", "s3cret-of-connection", "s3cret-of-variable"
DAG = """\
from datetime import datetime

from airflow import DAG

try:
    from airflow.providers.standard.operators.python import PythonOperator
except ImportError:
    from airflow.operators.python import PythonOperator


def push():
    print("the word is marmalade")
    return {"number": 42, "words": ["a", "b"]}


def pull(ti):
    print("pulled", ti.xcom_pull(task_ids="push")["number"])


with DAG("history", start_date=datetime(2024, 1, 1), schedule=None, catchup=False):
    PythonOperator(task_id="push", python_callable=push) >> PythonOperator(task_id="pull", python_callable=pull)
"""
SETTINGS = {
    "airflow": {
        "connections": [
            {"conn_id": "shop", "conn_type": "postgres", "conn_host": "db.example.org", "conn_password": PASSWORD}
        ],
        "variables": [{"variable_name": "shop_password", "variable_value": SECRET}],
        "pools": [{"pool_name": "few", "pool_slot": 3, "pool_description": "few"}],
    }
}


def history_files(version: str) -> dict[str, str]:
    """Return {path: text} of a project whose DAG leaves run, task instances, XCom and logs."""
    return {
        "mwaa.yaml": f'# of the test\nName: history\nAirflowVersion: "{version}"  # moved by the test\n',
        "dags/history.py": DAG,
        "airflow_settings.yaml": json.dumps(SETTINGS),
    }


def only_before(version: str) -> str:
    """Return the text of a DAG `only_before` whose task fails in every release but this one."""
    return f"""\
from datetime import datetime

from airflow import DAG, __version__
from airflow.operators.python import PythonOperator


def is_before():
    assert __version__ == "{version}", "this code knows no other Airflow"


with DAG("only_before", start_date=datetime(2024, 1, 1), schedule=None, catchup=False):
    PythonOperator(task_id="is_before", python_callable=is_before)
"""


@dataclass(frozen=True)
class History:
    """What is read of the history, by Airflow's own commands."""

    runner: ProjectRunner

    def airflow(self, *words: str) -> str:
        outcome = self.runner.run("airflow", *words)
        assert outcome.exit_code == 0, outcome.stderr
        return outcome.stdout

    def json_of(self, *words: str) -> Any:
        return json_in(self.airflow(*words, "--output", "json"))

    def runs(self) -> dict[str, str]:
        """Return the states of the runs by their ids."""
        option = ["-d"] if self.is_older_than_3 else []
        return {row["run_id"]: row["state"] for row in self.json_of("dags", "list-runs", *option, "history")}

    def tasks(self, run_id: str) -> dict[str, str]:
        rows = self.json_of("tasks", "states-for-dag-run", "history", run_id)
        return {row["task_id"]: row["state"] for row in rows}

    def secrets(self) -> tuple[str, str]:
        """Return the connection's password and the variable: both are encrypted in the database."""
        (connection,) = self.json_of("connections", "get", "shop")
        return connection["password"], self.airflow("variables", "get", "shop_password").strip().splitlines()[-1]

    @property
    def is_older_than_3(self) -> bool:
        return 'AirflowVersion: "2' in (self.runner.root_dir / "mwaa.yaml").read_text()


def rest(environment: RunningEnvironment, path: str) -> Any:
    """Return what the REST API of Airflow 3 answers."""
    with urlopen(f"{environment.url()}/api/v2/{path}", timeout=60) as answer:
        return json.load(answer)


def task_path(run_id: str, task_id: str) -> str:
    return f"dags/history/dagRuns/{quote(run_id)}/taskInstances/{task_id}"
