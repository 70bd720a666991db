"""A task that prints all it was given, and fails: no report of the smoke run and no copied log repeats a secret."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.conftest import ProjectRunner
from tests.environments import LATEST

pytestmark = [pytest.mark.full, pytest.mark.network]

SECRETS = {
    "option": "sesame-of-option",
    "startup script": "sesame-of-startup-script",
    "connection": "sesame-of-connection",
    "extra": "sesame-of-extra",
    "variable": "sesame-of-variable",
}
LEAKS = """import os

from airflow.sdk import DAG, BaseHook, Variable, task

with DAG("leaks", schedule=None):

    @task
    def leak():
        connection = BaseHook.get_connection("partner")
        given = [connection.password, connection.extra, Variable.get("partner_token"), *os.environ.values()]
        os.write(2, " ".join(given).encode())  # past Airflow's own masking
        raise ValueError(f"the request failed: {os.environ['AIRFLOW__APP__API_KEY']} {os.environ['VAULT_TOKEN']}")

    leak()
"""
SETTINGS = f"""airflow:
  connections:
    - conn_id: partner
      conn_type: http
      conn_host: partner.example.com
      conn_login: me
      conn_password: {SECRETS["connection"]}
      conn_extra: {{api_key: {SECRETS["extra"]}}}
  variables:
    - variable_name: partner_token
      variable_value: {SECRETS["variable"]}
"""


def test_no_report_and_no_copied_log_repeats_a_secret(project: Callable[..., ProjectRunner]) -> None:
    options = {"app.api_key": SECRETS["option"]}
    runner = project(
        {
            "mwaa.yaml": json.dumps({"AirflowVersion": LATEST, "AirflowConfigurationOptions": options}),
            "airflow_settings.yaml": SETTINGS,
            "startup/startup.sh": f"export VAULT_TOKEN={SECRETS['startup script']}\n",
            "dags/leaks.py": LEAKS,
        }
    )
    summary_path = runner.root_dir / "summary.md"
    words = ("--no-check", "--runtime", "process", "--junit", "smoke.xml", "--artifacts", "out", "--github")
    outcome = runner.run("smoke", "leaks", *words, "--json", env={"GITHUB_STEP_SUMMARY": str(summary_path)})
    assert outcome.exit_code == 1, outcome.stderr
    [task] = json.loads(outcome.stdout)["runs"][0]["tasks"]
    assert "ValueError: the request failed: *** ***" in task["log"]
    copied = [path for path in (runner.root_dir / "out").rglob("*") if path.is_file()]
    told = {
        "stdout": outcome.stdout,
        "stderr": outcome.stderr,
        "junit": (runner.root_dir / "smoke.xml").read_text(),
        "summary": summary_path.read_text(),
        **{str(path): path.read_bytes().decode("utf-8", "replace") for path in copied},
    }
    assert all("the request failed: *** ***" in told[name] for name in ("stdout", "stderr", "junit", "summary"))
    assert {(name, kind) for name, text in told.items() for kind, secret in SECRETS.items() if secret in text} == set()
    task_log = (runner.root_dir / task["log_path"]).read_text()
    assert SECRETS["startup script"] in task_log  # which is the user's own, and as it was written
