"""The pytest plugin as its users have it: pytest runs in a project of its own, with a real environment."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mwaa_local.command import Completed, Request, run
from tests.conftest import REPOSITORY_DIR, ProjectRunner

MakeProject = Callable[..., ProjectRunner]
DAG = """
from datetime import datetime
from airflow.sdk import DAG
from airflow.providers.standard.operators.python import PythonOperator


def work(**context):
    if (context["dag_run"].conf or {}).get("fail"):
        raise ValueError("asked to fail")


with DAG("quick", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    PythonOperator(task_id="only", python_callable=work, retries=0)
"""
TESTS = """
def test_dags_import(dagbag):
    assert dagbag.dag_ids == ("quick",)
    assert dagbag.dags["quick"].tasks == 1
    assert list(dagbag.import_errors) == ["dags/broken.py"]
    assert "ModuleNotFoundError" in dagbag.import_errors["dags/broken.py"]


def test_dag_runs(run_dag):
    done = run_dag("quick", timeout_s=120)
    assert done.succeeded
    assert done.tasks["only"].state == "success"


def test_dag_is_to_fail(run_dag):
    assert not run_dag("quick", conf={"fail": True}, expect="failed").succeeded


def test_failure_is_reported(run_dag):
    run_dag("quick", conf={"fail": True})


def test_unknown_dag_is_reported(run_dag):
    run_dag("qick")


def test_local_aws_has_the_fixtures_alone(_mwaa_local, mwaa_environment):
    words = ("secretsmanager", "list-secrets", "--query", "SecretList[].Name", "--output", "text")
    assert _mwaa_local.say("aws", *words).split() == ["seeded"]


def test_airflow_answers(mwaa_environment):
    assert mwaa_environment.airflow_version == "3.3.1"
    assert mwaa_environment.airflow("version").strip().endswith("3.3.1")
"""
TIMEOUT_S = 300.0


def run_pytest(runner: ProjectRunner, *words: str) -> Completed:
    plugin = ("-p", "pytest_mwaa_local", "-p", "no:cacheprovider")
    env = {**runner.env, "PYTHONPATH": str(REPOSITORY_DIR), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    argv = [sys.executable, "-m", "pytest", *plugin, "--rootdir", str(runner.root_dir), *words]
    return run(Request(argv, env, runner.root_dir, TIMEOUT_S))


@pytest.mark.full
@pytest.mark.network
def test_fixtures_give_what_they_promise_and_the_environment_is_stopped(project: MakeProject) -> None:
    runner = project(
        {
            "mwaa.yaml": 'AirflowVersion: "3.3.1"\nLocal: {Aws: local}\n',
            "tests/aws/secrets.yaml": "seeded: a value\n",
            "dags/quick.py": DAG,
            "dags/broken.py": "from airflow.sdk import DAG\nimport absent_module\n",
            "tests/test_dags.py": TESTS,
        }
    )
    kept = runner.root_dir / ".mwaa-local" / "aws" / "kept" / "state"
    kept.parent.mkdir(parents=True)
    kept.write_text("what the project's own local AWS keeps")
    done = run_pytest(runner, "--mwaa-runtime", "process", "-q")
    assert "2 failed, 5 passed" in done.output, done.output
    assert "the run of quick ended as failed" in done.output
    assert "ValueError: asked to fail" in done.output
    assert "did you mean 'quick'?" in done.output or "no DAG 'qick'" in done.output
    assert kept.read_text() == "what the project's own local AWS keeps"
    assert list(kept.parent.parent.iterdir()) == [kept.parent]
    assert "nothing is running" in runner.run("down").stderr


def test_project_that_is_none_is_reported(tmp_path: Path, clean_env: dict[str, str]) -> None:
    runner = ProjectRunner(tmp_path / "empty", clean_env)
    runner.root_dir.mkdir()
    runner.write({"test_it.py": "def test_it(dagbag):\n    pass\n"})
    done = run_pytest(runner, "-q")
    assert "no MWAA project" in done.output
    assert "INTERNALERROR" not in done.output
