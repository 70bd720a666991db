"""An environment that `up` started, seen through MWAA's API by boto3, as `mwaa-local status` sees it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mwaa_local.environment.environment import Environment
from mwaa_local.plan import READY_TIMEOUT_S
from tests.environments import RunningEnvironment
from tests.integration.aws_server import client, wait_until

pytestmark = pytest.mark.network


def mwaa_of(running: RunningEnvironment) -> Any:
    outcome = running.runner.run("api", "--detach", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    return client("mwaa", json.loads(outcome.stdout)["url"])


def available(mwaa: Any, name: str) -> dict[str, Any]:
    """Return the environment when it is available: a web server that was just started may be silent for a while."""

    def is_available() -> bool:
        return bool(mwaa.get_environment(Name=name)["Environment"]["Status"] == "AVAILABLE")

    wait_until(is_available, READY_TIMEOUT_S)
    environment: dict[str, Any] = mwaa.get_environment(Name=name)["Environment"]
    return environment


def test_environment_of_up_is_available_with_the_members_of_its_file(latest_environment: RunningEnvironment) -> None:
    mwaa = mwaa_of(latest_environment)
    name = Environment.load(latest_environment.project).name
    assert mwaa.list_environments()["Environments"] == [name]
    environment = available(mwaa, name)
    assert environment["AirflowVersion"] == latest_environment.release.airflow_version
    assert environment["LastUpdate"]["Status"] == "SUCCESS"
    assert environment["WebserverUrl"] == f"localhost:{latest_environment.plan().ports['door']}"


def test_api_that_starts_anew_knows_the_same_environment(latest_environment: RunningEnvironment) -> None:
    name = Environment.load(latest_environment.project).name
    before = mwaa_of(latest_environment).get_environment(Name=name)["Environment"]
    latest_environment.runner.run("api", "--stop")
    after = available(mwaa_of(latest_environment), name)
    assert after["CreatedAt"] == before["CreatedAt"]


def test_status_shows_what_the_api_says(latest_environment: RunningEnvironment) -> None:
    available(mwaa_of(latest_environment), Environment.load(latest_environment.project).name)
    service = latest_environment.status()["service"]
    assert [each["status"] for each in service["environments"]] == ["AVAILABLE"]
    assert service["environments"][0]["events"][-1]["what"].startswith("`mwaa-local up`")
    assert service["faults"] == []
