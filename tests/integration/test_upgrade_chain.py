"""From 2.7.2 to 3.3.1, release by release, with a history that is still readable there; and back one step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from mwaa_local.release import Release
from tests.conftest import Outcome, ProjectRunner
from tests.environments import RunningEnvironment, stopped_at_the_end
from tests.integration.history import PASSWORD, SECRET, WORD, History, history_files, rest, task_path

pytestmark = [pytest.mark.network, pytest.mark.full]
CHAIN = ("2.7.2", "2.10.3", "2.11.2", "3.0.6", "3.3.1")
STATUSES = ["UPDATING", "CREATING_SNAPSHOT", "UPDATING", "AVAILABLE"]
UPGRADE_TIMEOUT_S = 1800.0
BOTH = {"push": "success", "pull": "success"}


def upgrade(runner: ProjectRunner, version: str) -> dict[str, Any]:
    words = ("--to", version, "--yes", "--no-rehearsal", "--port", "0", "--run", "history", "--json")
    outcome: Outcome = runner.run("upgrade", *words, timeout_s=UPGRADE_TIMEOUT_S)
    assert outcome.exit_code == 0, outcome.stderr
    plain = json.loads(outcome.stdout)
    assert isinstance(plain, dict)
    return plain


def test_history_is_readable_at_the_end_and_after_one_step_back(tmp_path: Path) -> None:
    with stopped_at_the_end(tmp_path) as runner:
        runner.write(history_files(CHAIN[0]))
        outcome = runner.run("up", "--port", "0", "--run", "history", timeout_s=UPGRADE_TIMEOUT_S)
        assert outcome.exit_code == 0, outcome.stderr
        history = History(runner)
        first = next(iter(history.runs()))
        for number, version in enumerate(CHAIN[1:], start=2):
            told = upgrade(runner, version)
            assert (told["to"], [each["status"] for each in told["statuses"]]) == (version, STATUSES)
            assert told["snapshot"] is not None
            assert f'AirflowVersion: "{version}"  # moved by the test' in (runner.root_dir / "mwaa.yaml").read_text()
            runs = history.runs()
            assert (len(runs), set(runs.values())) == (number, {"success"})
            assert history.tasks(first) == BOTH
            assert history.secrets() == (PASSWORD, SECRET)
        _first_run_is_readable_by_rest(runner, first)
        _one_step_back(runner, history, first)


def _first_run_is_readable_by_rest(runner: ProjectRunner, run_id: str) -> None:
    """The run was made by 2.7.2; what reads it is Airflow 3.3.1."""
    environment = RunningEnvironment(runner, Release.load(CHAIN[-1]), Outcome(0, "", ""))
    assert rest(environment, f"dags/history/dagRuns/{quote(run_id)}")["state"] == "success"
    xcom = rest(environment, f"{task_path(run_id, 'push')}/xcomEntries/return_value")
    assert xcom["value"] == {"number": 42, "words": ["a", "b"]}
    log = rest(environment, f"{task_path(run_id, 'push')}/logs/1?full_content=true")
    assert any(WORD in str(line) for line in log["content"])
    events = runner.run("logs", "--group", "Task").stdout
    assert WORD in events, "the logs of task instances, as CloudWatch would hold them"


def _one_step_back(runner: ProjectRunner, history: History, first: str) -> None:
    """3.3.1 → 3.0.6, over MWAA's repairs. The database that 3.0.6 had is replaced, and kept in a snapshot."""
    told = upgrade(runner, CHAIN[-2])
    assert [each["status"] for each in told["statuses"]] == STATUSES
    assert told["replaced_snapshot"] is not None
    assert set(history.runs().values()) == {"success"}
    assert len(history.runs()) == len(CHAIN) + 1
    assert history.tasks(first) == BOTH
    assert history.secrets() == (PASSWORD, SECRET)
