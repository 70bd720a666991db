"""A DAG that fails in the new release brings the old one back, running, with its history."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mwaa_local.release import Release
from tests.conftest import Outcome
from tests.environments import RunningEnvironment, stopped_at_the_end
from tests.integration.history import History, history_files, only_before

pytestmark = [pytest.mark.network, pytest.mark.full]
BEFORE, AFTER = "2.7.2", "2.10.3"
TIMEOUT_S = 1800.0


def test_dag_that_fails_in_the_new_release_brings_the_old_one_back(tmp_path: Path) -> None:
    with stopped_at_the_end(tmp_path) as runner:
        runner.write({**history_files(BEFORE), "dags/only_before.py": only_before(BEFORE)})
        file = (runner.root_dir / "mwaa.yaml").read_bytes()
        outcome = runner.run("up", "--port", "0", "--run", "history", timeout_s=TIMEOUT_S)
        assert outcome.exit_code == 0, outcome.stderr
        environment = RunningEnvironment(runner, Release.load(BEFORE), Outcome(0, "", ""))
        url = environment.url()

        words = ("--to", AFTER, "--yes", "--no-rehearsal", "--run", "history", "--run", "only_before", "--json")
        outcome = runner.run("upgrade", *words, timeout_s=TIMEOUT_S)
        assert outcome.exit_code == 1, outcome.stderr
        told = json.loads(outcome.stdout)
        statuses = [each["status"] for each in told["statuses"]]
        assert statuses == ["UPDATING", "CREATING_SNAPSHOT", "UPDATING", "ROLLING_BACK", "UPDATE_FAILED"]
        assert "failed while running the named DAGs" in told["error"]["what"]
        assert "this code knows no other Airflow" in outcome.stderr, "the log of the task that failed"

        assert environment.plan().airflow_version == BEFORE
        assert environment.url() == url, "where it was before"
        assert (runner.root_dir / "mwaa.yaml").read_bytes() == file
        assert list(History(runner).runs().values()) == ["success"], "the run of before, and none of the new release"
        assert "upgrade" not in environment.status()
