"""Credentials of a profile for tasks, and what tasks call of an AWS that is not the local one; asked by botocore."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.configuration.base import LOCAL_CREDENTIALS
from mwaa_local.iam.credentials import NoCredentials, Source
from mwaa_local.iam.ledger import read_all
from mwaa_local.packages import PackageStore
from mwaa_local.release import Release
from tests.conftest import cache_dir
from tests.environments import wait_until
from tests.integration.aws_endpoint import Endpoint, endpoint
from tests.integration.role_component import TOKEN, profile, role_component

pytestmark = pytest.mark.network  # moto's packages, once
ROLE_ARN = "arn:aws:iam::000000000000:role/orders"
SOURCE = {"profile": "dev", "region": "us-east-1", "role_arn": ""}
ASSUMED = {**SOURCE, "role_arn": ROLE_ARN}
# A task: prints whose credentials it has, as often and at such a distance as it is told.
TASK = """
import json, sys, time
import botocore.session
session = botocore.session.Session()
for _ in range(int(sys.argv[1])):
    frozen = session.get_credentials().get_frozen_credentials()
    print(json.dumps([frozen.access_key, frozen.secret_key, frozen.token]), flush=True)
    time.sleep(float(sys.argv[2]))
"""
CALLS = """
import sys
import botocore.session
from botocore.config import Config
session = botocore.session.Session()
def client(name, **config):
    return session.create_client(name, endpoint_url=sys.argv[1], config=Config(**config))
client("s3", s3={"addressing_style": "path"}).list_buckets()
client("stepfunctions").list_state_machines()
agent = "Airflow/3.3.1 Caller/EmrAddStepsOperator DagRunKey/1a2b3c4d-0000-5111-8222-333344445555"
client("emr", user_agent_extra=agent).list_clusters()
try:
    client("logs").get_log_events(logGroupName="none", logStreamName="none")
except Exception as error:
    print(error)
"""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A local STS, among others; whose environment `orders` may do nothing."""
    with endpoint(tmp_path_factory.mktemp("aws"), enforced={"orders": ROLE_ARN}) as started:
        yield started


def task(variables: dict[str, str], times: int = 1, pause_s: float = 0.0) -> list[list[str]]:
    argv = [sys.executable, "-c", TASK, str(times), str(pause_s)]
    done = subprocess.run(argv, env=variables, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_task_gets_credentials_of_a_profile_that_runs_a_program(aws: Endpoint, tmp_path: Path) -> None:
    with role_component(tmp_path, profile(tmp_path, aws.url), SOURCE) as component:
        ((key, secret, token),) = task(component.variables)
    assert key.startswith("AKIA")
    assert (secret, token) == ("tell-nobody", "tell-nobody")


def test_credentials_that_end_are_renewed_while_a_task_runs(aws: Endpoint, tmp_path: Path) -> None:
    with role_component(tmp_path, profile(tmp_path, aws.url, lasts_s=2.0), SOURCE) as component:
        keys = [key for key, *_ in task(component.variables, times=3, pause_s=2.5)]
    assert len(set(keys)) == 3
    assert keys[0] != keys[-1]


def test_program_is_not_run_for_each_task(aws: Endpoint, tmp_path: Path) -> None:
    with role_component(tmp_path, profile(tmp_path, aws.url), SOURCE) as component:
        keys = [key for _ in range(3) for key, *_ in task(component.variables)]
    assert len(set(keys)) == 1


def test_task_is_the_execution_role_where_the_user_may_assume_it(aws: Endpoint, tmp_path: Path) -> None:
    with role_component(tmp_path, profile(tmp_path, aws.url), ASSUMED) as component:
        ((key, _secret, token),) = task(component.variables)
        wait_until(lambda: "tasks are" in component.log_path.read_text(), 10, "it says who tasks are")
        log = component.log_path.read_text()
    assert key.startswith("ASIA")
    assert token
    assert "tasks are arn:aws:sts::000000000000:assumed-role/orders/AmazonMWAA-airflow\n" in log
    assert "tell-nobody" not in log


def test_user_who_may_not_assume_the_role_is_told_the_statement(aws: Endpoint, tmp_path: Path) -> None:
    env = profile(tmp_path, aws.url, key="task.orders")  # the local AWS grants it nothing
    with role_component(tmp_path, env, ASSUMED) as component:
        ((key, *_),) = task(component.variables)
        log = component.log_path.read_text()
    assert key == "task.orders"
    assert "not authorized to perform: sts:AssumeRole" in log
    assert 'add to the trust policy of orders: {"Effect": "Allow", "Principal": {"AWS": "arn:aws:' in log
    assert '"Action": "sts:AssumeRole"}' in log


def test_another_account_is_refused(aws: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in profile(tmp_path, aws.url).items():
        monkeypatch.setenv(name, value)
    source = Source("dev", "us-east-1", "arn:aws:iam::123456789012:role/orders")
    with pytest.raises(NoCredentials) as caught:
        source.open().fetch(time.time())
    assert caught.value.what == "the profile dev is of the account 000000000000, not of 123456789012"
    assert "AwsProfile" in caught.value.hint
    with role_component(tmp_path, dict(os.environ), vars(source)) as component:
        argv = [sys.executable, "-c", TASK, "1", "0"]
        done = subprocess.run(argv, env=component.variables, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "is of the account 000000000000, not of 123456789012" in done.stderr


@pytest.mark.parametrize("name", ["none", "broken"])
def test_profile_that_gives_nothing_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[profile broken]\ncredential_process = false\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(NoCredentials) as caught:
        Source(name, "us-east-1").open().fetch(time.time())
    assert caught.value.what == f"the profile {name} gives no AWS credentials"
    assert f"--profile {name}" in caught.value.hint


def ask(port: int, **headers: str) -> int:
    url = f"http://127.0.0.1:{port}/_mwaa-local/credentials"
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_only_programs_of_this_machine_with_the_token_get_any(aws: Endpoint, tmp_path: Path) -> None:
    with role_component(tmp_path, profile(tmp_path, aws.url), SOURCE) as component:
        port = component.port
        assert ask(port, Authorization=TOKEN) == 200
        assert ask(port) == ask(port, Authorization="another") == ask(port, Authorization=f"{TOKEN} ") == 401
        assert ask(port, Authorization=TOKEN, Host="evil.example") == 403
        assert ask(port, Authorization=TOKEN, Sec_Fetch_Site="cross-site") == 403


def test_nothing_of_them_is_written(aws: Endpoint, tmp_path: Path) -> None:
    with role_component(tmp_path, profile(tmp_path, aws.url), ASSUMED) as component:
        ((_key, secret, token),) = task(component.variables)
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.is_file() and path.name != "process.py"]
    assert texts
    assert not [text for text in texts if secret in text or token in text or "tell-nobody" in text]


def noted(folder: Path) -> set[tuple[str, str, str]]:
    return {(each.action, each.caller, each.dag[:8]) for each, _ in read_all(folder / "calls")}


# botocore of one old and one new release; that of the newest is about the launcher's own.
@pytest.mark.parametrize("version", ["3.3.1", pytest.param("2.2.2", marks=pytest.mark.full)])
def test_botocore_tells_what_is_called_of_a_real_aws(version: str, aws: Endpoint, tmp_path: Path) -> None:
    packages = PackageStore(cache_dir(), os.environ).base(Release.load(version), lambda _: None)
    with role_component(tmp_path, {}, None) as component:
        env: dict[str, Any] = {**component.variables, **LOCAL_CREDENTIALS}
        argv = [str(packages.python_path), "-W", "ignore", "-c", CALLS, aws.url]
        done = subprocess.run(argv, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        with contextlib.suppress(AssertionError):
            wait_until(lambda: len(noted(tmp_path)) == 4, 10, "the calls are noted")
    assert noted(tmp_path) == {
        ("s3:ListAllMyBuckets", "", ""),
        ("states:ListStateMachines", "", ""),
        ("elasticmapreduce:ListClusters", "EmrAddStepsOperator", "1a2b3c4d"),
        ("logs:GetLogEvents", "", ""),
    }
    assert {each.environment for each, _ in read_all(tmp_path / "calls")} == {"orders"}
