"""`mwaa-local dags test`: one DAG in one process, with a database that is there for it alone."""

from __future__ import annotations

from collections.abc import Callable

import psutil
import pytest

from tests.conftest import ProjectRunner
from tests.environments import EACH_GENERATION, LATEST
from tests.integration.test_errors import assert_failed

MakeProject = Callable[..., ProjectRunner]
SOURCE = """
import json
from datetime import datetime
from airflow import DAG
try:
    from airflow.providers.standard.operators.python import PythonOperator
except ImportError:
    from airflow.operators.python import PythonOperator


def work(**context):
    conf = context["dag_run"].conf or {}
    print("worked on", json.dumps(conf))
    if conf.get("fail"):
        raise ValueError("asked to fail")


with DAG("quick", start_date=datetime(2026, 1, 1), catchup=False) as dag:
    PythonOperator(task_id="only", python_callable=work, retries=0)
"""


def left_running(runner: ProjectRunner) -> list[str]:
    found = (one.info["cmdline"] or [] for one in psutil.process_iter(["cmdline"]))
    return [" ".join(words) for words in found if any(str(runner.root_dir) in word for word in words)]


@pytest.mark.network
@pytest.mark.parametrize("version", EACH_GENERATION)
def test_dag_runs_without_an_environment_and_leaves_nothing_running(project: MakeProject, version: str) -> None:
    runner = project({"mwaa.yaml": f'AirflowVersion: "{version}"\n', "dags/quick.py": SOURCE})
    outcome = runner.run("dags", "test", "quick")
    assert outcome.exit_code == 0, outcome.stdout + outcome.stderr
    assert "worked on {}" in outcome.stdout + outcome.stderr
    assert left_running(runner) == []
    assert "nothing is running" in runner.run("down").stderr


def test_release_that_cannot_do_it_says_so_and_what_can(project: MakeProject) -> None:
    runner = project({"mwaa.yaml": 'AirflowVersion: "1.10.12"\n', "dags/quick.py": SOURCE})
    outcome = runner.run("dags", "test", "quick")
    assert_failed(outcome, "Airflow 1.10.12 cannot run a DAG in a single process", "mwaa-local up --run quick")


@pytest.mark.full
@pytest.mark.network
def test_dag_that_fails_is_exit_code_1(project: MakeProject) -> None:
    runner = project({"mwaa.yaml": 'AirflowVersion: "3.3.1"\n', "dags/quick.py": SOURCE})
    outcome = runner.run("dags", "test", "quick", "2026-02-03", "--conf", '{"fail": true}')
    assert outcome.exit_code == 1, outcome.stdout + outcome.stderr
    assert 'worked on {"fail": true}' in outcome.stdout + outcome.stderr
    assert left_running(runner) == []


@pytest.mark.network
@pytest.mark.parametrize("version", [LATEST, pytest.param("2.2.2", marks=pytest.mark.full)])
def test_dag_that_does_not_exist_is_reported_without_a_traceback(project: MakeProject, version: str) -> None:
    files = {"dags/quick.py": SOURCE, "dags/broken.py": "import nowhere  # airflow, dag\n"}
    runner = project({"mwaa.yaml": f'AirflowVersion: "{version}"\n', **files})
    outcome = runner.run("dags", "test", "quikc")
    assert outcome.exit_code == 2, outcome.stdout + outcome.stderr
    told = outcome.stderr.partition("error: no DAG 'quikc'\n")[2]
    assert "DAGs that exist: quick." in told
    assert "dags/broken.py cannot be imported: ModuleNotFoundError: No module named 'nowhere'" in told
    assert "did you mean 'quick'?" in told
    assert "AirflowException" not in outcome.stdout + outcome.stderr
    assert left_running(runner) == []
