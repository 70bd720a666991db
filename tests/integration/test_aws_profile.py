"""`Aws: profile` in a real environment: tasks have a profile's credentials, which are renewed; STS is a local one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.environments import LATEST, RunningEnvironment, start, stopped_at_the_end
from tests.integration.aws_endpoint import Endpoint, endpoint
from tests.integration.role_component import profile

pytestmark = [pytest.mark.network, pytest.mark.full]
DAG = """
import datetime, json, os, pathlib, time
import boto3
try:
    from airflow.sdk import DAG
    from airflow.providers.standard.operators.python import PythonOperator
except ImportError:
    from airflow import DAG
    from airflow.operators.python import PythonOperator

def look():
    found, session = [], boto3.Session()
    for _ in range(3):
        frozen = session.get_credentials().get_frozen_credentials()
        found.append([frozen.access_key, frozen.token, session.region_name])
        time.sleep(2.5)
    pathlib.Path(os.environ["AIRFLOW_HOME"], "logs", "found.json").write_text(json.dumps(found))

with DAG("who", start_date=datetime.datetime(2026, 1, 1), catchup=False, is_paused_upon_creation=False) as dag:
    PythonOperator(task_id="who", python_callable=look)
"""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with endpoint(tmp_path_factory.mktemp("sts")) as started:
        yield started


def settings(account_id: str, **local: object) -> str:
    role = f"arn:aws:iam::{account_id}:role/orders"
    local = {"Aws": "profile", "AwsProfile": "dev", "Runtime": "process", **local}
    return json.dumps({"AirflowVersion": LATEST, "ExecutionRoleArn": role, "Local": local})


def test_tasks_are_the_execution_role_of_a_profile(aws: Endpoint, tmp_path: Path) -> None:
    with stopped_at_the_end(tmp_path) as empty:
        shell = profile(empty.root_dir.parent, aws.url)
        runner = replace(empty, env={**empty.env, **shell, "AWS_ACCESS_KEY_ID": "AKIASHELL"})
        runner.write({"mwaa.yaml": settings("123456789012"), "dags/who.py": DAG})
        refused = runner.run("up", "--port", "0")
        assert refused.exit_code == 3
        assert "the profile dev is of the account 000000000000, not of 123456789012" in refused.stderr
        runner.write({"mwaa.yaml": settings("000000000000")})
        environment: RunningEnvironment = start(runner, LATEST, "--run", "who")
        found = json.loads(environment.read("logs/found.json"))
        assert {key[:4] for key, _token, _region in found} == {"ASIA"}
        status = environment.status()
        assert status
        log = runner.run("logs", "iam").stdout
        assert "tasks are arn:aws:sts::000000000000:assumed-role/orders/AmazonMWAA-airflow" in log
        token = found[0][1]
        texts = (path for path in runner.root_dir.rglob("*") if path.is_file() and path.name != "found.json")
        assert not [path for path in texts if token.encode() in path.read_bytes()]


def test_docker_refuses_it_plainly(tmp_path: Path) -> None:
    with stopped_at_the_end(tmp_path) as runner:
        runner.write({"mwaa.yaml": settings("000000000000", Runtime="docker"), "dags/who.py": DAG})
        outcome = runner.run("env")
        assert outcome.exit_code == 3
        assert "Aws: profile works with components as processes alone" in outcome.stderr
        assert "Runtime: process" in outcome.stderr
