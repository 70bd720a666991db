"""`check`, `dags test`, `up --run` and `smoke` say the same of the same DAG files.

What reaches a DAG on MWAA has to reach it in each command: dates of the run, Variables and Connections that are seeded,
a plugin's module, a variable of the startup script. What fails there fails in each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.environments import RunningEnvironment

pytestmark = pytest.mark.network

# Task -> what stands at the top level of the file, and the command.
PARTS = {
    "dates": ("", '"echo {{ ds }} {{ ts }} {{ data_interval_start }} {{ data_interval_end }} {{ logical_date }}"'),
    "variable": ('STAGE = Variable.get("agree_stage")', 'f"test {STAGE} = testing"'),
    "connection": ('HOST = Connection.get("agree_store").host', 'f"test {HOST} = store.example"'),
    "plugin": ("from hello_plugin import shout", "f\"test {shout('a')} = A\""),
    "startup": ('TEAM = os.environ["TEAM_NAME"]', "f\"test '{TEAM}' = 'data platform'\""),
}
WORKS, FAILS = "agree_works", "agree_fails"
HEAD = """import os
from datetime import datetime
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Connection, Variable
"""
SETTINGS = """airflow:
  connections:
    - conn_id: agree_store
      conn_type: http
      conn_host: store.example
  variables:
    - variable_name: agree_stage
      variable_value: testing
"""
# What `airflow dags delete` does, for several DAGs at once.
FORGET = """import sys
from airflow.api.common.delete_dag import delete_dag
for dag_id in sys.argv[1:]:
    delete_dag(dag_id)
"""


def dag_text(dag_id: str, **commands: str) -> str:
    lines = [
        *(top for top, _ in PARTS.values()),
        f'with DAG("{dag_id}", schedule="@daily", start_date=datetime(2026, 1, 1), catchup=False):',
        *(f'    BashOperator(task_id="{name}", retries=0, bash_command={text})' for name, text in commands.items()),
    ]
    return HEAD + "\n".join(lines) + "\n"


COMMANDS = {name: command for name, (_, command) in PARTS.items()}
FILES = {
    f"dags/{WORKS}.py": dag_text(WORKS, **COMMANDS),
    f"dags/{FAILS}.py": dag_text(FAILS, **COMMANDS, broken='"exit 7"'),
}


@pytest.fixture(scope="module")
def corpus(
    latest_environment: RunningEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningEnvironment]:
    """The shared environment with these files; without them, and what is known of them, at the end."""
    runner = latest_environment.runner
    settings_path = latest_environment.root_dir / "airflow_settings.yaml"
    runner.write({**FILES, settings_path.name: SETTINGS})
    try:
        outcome = runner.run("up")  # puts the settings in
        assert outcome.exit_code == 0, outcome.stderr
        yield latest_environment
    finally:
        settings_path.unlink()
        for name in FILES:
            (latest_environment.root_dir / name).unlink()
        forget_path = tmp_path_factory.mktemp("forget") / "forget.py"  # others count what is known
        forget_path.write_text(FORGET, encoding="utf-8")
        exit_code, output = latest_environment.runtime.capture("scheduler", [WORKS, FAILS], forget_path)
        assert exit_code == 0, output
        outcome = runner.run("up")  # takes the settings back: for others nothing has changed
        assert outcome.exit_code == 0, outcome.stderr


def test_check_has_nothing_against_them(corpus: RunningEnvironment) -> None:
    """Neither against the one that fails: only running it shows that."""
    outcome = corpus.run("check", "dags", "--json")
    found = json.loads(outcome.stdout)["findings"]
    ours = [item for item in found if "agree_" in item["path"]]  # other files of the project are wrong on purpose
    assert {item["rule"] for item in ours} == {"variable-at-top-level"}
    assert {item["severity"] for item in ours} <= {"warning", "note"}


@pytest.fixture(scope="module")
def smoked(corpus: RunningEnvironment) -> dict[str, Any]:
    """What `smoke` of both says."""
    outcome = corpus.run("smoke", WORKS, FAILS, "--no-check", "--json", "--parallel", "2")
    assert outcome.exit_code == 1, outcome.stderr
    report = json.loads(outcome.stdout)
    return {run["dag_id"]: run for run in report["runs"]}


def test_smoke_runs_all_but_the_task_that_fails(smoked: dict[str, Any]) -> None:
    states = {dag_id: {task["name"]: task["state"] for task in run["tasks"]} for dag_id, run in smoked.items()}
    well = dict.fromkeys(PARTS, "success")
    assert states == {WORKS: well, FAILS: {**well, "broken": "failed"}}
    assert {dag_id: run["state"] for dag_id, run in smoked.items()} == {WORKS: "success", FAILS: "failed"}
    assert {run["logical_date"][11:19] for run in smoked.values()} == {"00:00:00"}, "as the schedule has it"


@pytest.mark.parametrize(("dag_id", "exit_code"), [(WORKS, 0), pytest.param(FAILS, 1, marks=pytest.mark.full)])
def test_dags_test_agrees(corpus: RunningEnvironment, dag_id: str, exit_code: int) -> None:
    outcome = corpus.run("dags", "test", dag_id)
    assert outcome.exit_code == exit_code, outcome.stdout + outcome.stderr
    assert "dag run: logical date " in outcome.stdout + outcome.stderr


@pytest.mark.full
@pytest.mark.parametrize(
    "words", [("dags", "test", WORKS, "2025-12-31"), ("up", "--run", WORKS, "--logical-date", "2025-12-31")]
)
def test_date_before_the_first_is_refused(corpus: RunningEnvironment, words: tuple[str, ...]) -> None:
    """Airflow would make a run without tasks, and call it a success."""
    outcome = corpus.run(*words)
    said = outcome.stdout + outcome.stderr
    assert outcome.exit_code == 1, said
    assert "2025-12-31T00:00:00+00:00 is before its start_date, 2026-01-01T00:00:00+00:00" in said
    assert "hint: name another" in said


def test_up_run_agrees_on_the_same_day(corpus: RunningEnvironment, smoked: dict[str, Any]) -> None:
    """A DAG has each logical date only once, and the database is kept: the second run's is a little later."""
    outcome = corpus.run("up", "--run", WORKS, "--json")
    assert outcome.exit_code == 0, outcome.stderr
    said = " ".join(outcome.stderr.split())
    assert f"{WORKS} was triggered: logical date " in said
    run, before = json.loads(outcome.stdout)["run"], smoked[WORKS]
    assert (run["dag_id"], run["data_interval_start"]) == (WORKS, before["data_interval_start"])
    assert before["logical_date"] < run["logical_date"]
    assert "is another run's date" in run["dates_note"]


@pytest.mark.full
def test_up_run_agrees_on_a_failure_and_shows_the_tasks_log(corpus: RunningEnvironment) -> None:
    outcome = corpus.run("up", "--run", FAILS, "--json")
    assert outcome.exit_code == 1, outcome.stderr
    assert f"error: the run of {FAILS} ended as failed" in outcome.stderr
    assert "Log of broken: .mwaa-local/airflow/logs/" in outcome.stderr
    assert "exit code 7" in outcome.stderr
