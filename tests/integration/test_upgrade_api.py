"""UpdateEnvironment with AirflowVersion, by boto3: the history comes along, and a failure leaves all as it was."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from mwaa_local.release import Release
from tests.conftest import Outcome, ProjectRunner
from tests.environments import RunningEnvironment, stopped_at_the_end
from tests.integration.aws_server import client
from tests.integration.history import PASSWORD, SECRET, History, history_files

pytestmark = [pytest.mark.network, pytest.mark.full]
NAME, BEFORE, AFTER = "history", "2.7.2", "2.10.3"
TIMEOUT_S = 1800.0


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectRunner]:
    with stopped_at_the_end(tmp_path_factory.mktemp("api")) as runner:
        runner.write(history_files(BEFORE))
        outcome = runner.run("up", "--port", "0", "--run", "history", timeout_s=TIMEOUT_S)
        assert outcome.exit_code == 0, outcome.stderr
        yield runner
        runner.run("api", "--stop")


def mwaa(runner: ProjectRunner) -> Any:
    outcome = runner.run("api", "--detach", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    return client("mwaa", json.loads(outcome.stdout)["url"])


def statuses_until(api: Any, *wanted: str) -> list[str]:
    """Return the statuses that were seen, each once in a row."""
    seen: list[str] = []
    deadline = time.monotonic() + TIMEOUT_S
    while not seen or seen[-1] not in wanted:
        now = str(api.get_environment(Name=NAME)["Environment"]["Status"])
        if not seen or seen[-1] != now:
            seen.append(now)
        assert time.monotonic() < deadline, seen
        time.sleep(0.1)
    return seen


def execute(runner: ProjectRunner, statement: str) -> None:
    environment = RunningEnvironment(runner, Release.load(BEFORE), Outcome(0, "", ""))
    with (
        contextlib.closing(psycopg2.connect(environment.plan().database_url)) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.parametrize(("version", "why"), [("3.3.1", "2.11.2"), ("2.4.3", "ended")])
def test_move_that_mwaa_does_not_take_is_refused(runner: ProjectRunner, version: str, why: str) -> None:
    api = mwaa(runner)
    with pytest.raises(api.exceptions.ValidationException, match=f"cannot go from Airflow {BEFORE}.*{why}"):
        api.update_environment(Name=NAME, AirflowVersion=version)
    assert api.get_environment(Name=NAME)["Environment"]["Status"] == "AVAILABLE"


def test_failed_one_is_rolled_back_with_the_reason(runner: ProjectRunner) -> None:
    execute(runner, "CREATE TABLE dataset_alias (id integer)")
    api = mwaa(runner)
    api.update_environment(Name=NAME, AirflowVersion=AFTER)
    seen = statuses_until(api, "UPDATE_FAILED", "AVAILABLE")
    assert seen[-2:] == ["ROLLING_BACK", "UPDATE_FAILED"]
    answered = api.get_environment(Name=NAME)["Environment"]
    assert (answered["AirflowVersion"], answered["LastUpdate"]["Status"]) == (BEFORE, "FAILED")
    assert answered["LastUpdate"]["Error"]["ErrorCode"] == "mwaa-local.UpgradeFailed"
    assert "failed while migrating the copy" in answered["LastUpdate"]["Error"]["ErrorMessage"]
    assert f'AirflowVersion: "{BEFORE}"' in (runner.root_dir / "mwaa.yaml").read_text()
    assert list(History(runner).runs().values()) == ["success"]
    execute(runner, "DROP TABLE dataset_alias")


def test_takes_the_history_along_by_way_of_mwaas_statuses(runner: ProjectRunner) -> None:
    api = mwaa(runner)
    api.update_environment(Name=NAME, AirflowVersion=AFTER)
    seen = statuses_until(api, "AVAILABLE")
    assert [each for each in seen if each != "UPDATE_FAILED"] == [
        "UPDATING",
        "CREATING_SNAPSHOT",
        "UPDATING",
        "AVAILABLE",
    ]
    answered = api.get_environment(Name=NAME)["Environment"]
    assert (answered["AirflowVersion"], answered["LastUpdate"]["Status"]) == (AFTER, "SUCCESS")
    assert f'AirflowVersion: "{AFTER}"' in (runner.root_dir / "mwaa.yaml").read_text()
    history = History(runner)
    assert list(history.runs().values()) == ["success"]
    assert history.secrets() == (PASSWORD, SECRET)
