"""Provider modules that a release does not have, looked up in real wheels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ProjectRunner

MakeProject = Callable[..., ProjectRunner]
MODULE = "airflow.providers.amazon.aws.operators.lambda_function"
DAG = f"from {MODULE} import LambdaInvokeFunctionOperator\n"
FILE = "requirements/requirements.txt"


@pytest.mark.network
def test_dag_that_imports_a_newer_module_is_reported_which_version_has_it(project: MakeProject, tmp_path: Path) -> None:
    """Source: amazon 2.4.0, MWAA's of 2.2.2, calls Lambda by a hook alone; 6.0.0, of 2.4.3, has the operator."""
    runner = project({"mwaa.yaml": 'AirflowVersion: "2.2.2"\n', "dags/a.py": DAG, FILE: "# nothing\n"})
    env = {"MWAA_LOCAL_CACHE_DIR": str(tmp_path / "cache")}  # an empty one: nothing of this is known yet
    outcome = runner.run("check", "requirements", "--json", env=env)
    assert outcome.exit_code == 1, outcome.stderr
    [one] = json.loads(outcome.stdout)["checked"]
    [finding] = [item for item in one["findings"] if item["rule"] == "provider-module-missing"]
    assert (finding["path"], finding["line"], finding["severity"]) == ("dags/a.py", 1, "error")
    assert finding["what"] == f"{MODULE} does not exist in apache-airflow-providers-amazon 2.4.0"
    assert "6.0.0, which Airflow 2.4.3 has on MWAA, has it" in finding["hint"]


@pytest.mark.network
def test_release_that_has_the_module_finds_nothing_wrong(project: MakeProject) -> None:
    runner = project({"mwaa.yaml": 'AirflowVersion: "2.4.3"\n', "dags/a.py": DAG, FILE: "# nothing\n"})
    outcome = runner.run("check", "requirements")
    assert outcome.exit_code == 0, outcome.stdout
    assert "provider" not in outcome.stdout
