"""An environment that `up` started, seen through MWAA's API by boto3, as `mwaa-local status` sees it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mwaa_local.environment.environment import Environment
from tests.environments import RunningEnvironment
from tests.integration.aws_server import client

pytestmark = pytest.mark.network


def mwaa_of(running: RunningEnvironment) -> Any:
    outcome = running.runner.run("api", "--detach", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    return client("mwaa", json.loads(outcome.stdout)["url"])


def test_environment_of_up_is_available_with_the_members_of_its_file(latest_environment: RunningEnvironment) -> None:
    mwaa = mwaa_of(latest_environment)
    name = Environment.load(latest_environment.project).name
    assert mwaa.list_environments()["Environments"] == [name]
    environment = mwaa.get_environment(Name=name)["Environment"]
    assert environment["Status"] == "AVAILABLE"
    assert environment["AirflowVersion"] == latest_environment.release.airflow_version
    assert environment["LastUpdate"]["Status"] == "SUCCESS"
    assert environment["WebserverUrl"] == f"localhost:{latest_environment.plan().ports['door']}"


def test_api_that_starts_anew_knows_the_same_environment(latest_environment: RunningEnvironment) -> None:
    name = Environment.load(latest_environment.project).name
    before = mwaa_of(latest_environment).get_environment(Name=name)["Environment"]
    latest_environment.runner.run("api", "--stop")
    after = mwaa_of(latest_environment).get_environment(Name=name)["Environment"]
    assert after["CreatedAt"] == before["CreatedAt"]
    assert after["Status"] == "AVAILABLE"


def test_status_shows_what_the_api_says(latest_environment: RunningEnvironment) -> None:
    service = latest_environment.status()["service"]
    assert [each["status"] for each in service["environments"]] == ["AVAILABLE"]
    assert service["environments"][0]["events"][-1]["what"].startswith("`mwaa-local up`")
    assert service["faults"] == []
