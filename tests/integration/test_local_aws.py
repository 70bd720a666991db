"""`Local: {Aws: local}` in a real environment: what tasks find there, and what becomes of it.

Not in the shared environment: its options change what every component is started with. To put them in and to take them
out would be two restarts instead of one start.
"""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mwaa_local.environment.environment import Environment
from mwaa_local.logs.groups import Group
from tests.environments import LATEST, TEST_DAGS_DIR, RunningEnvironment, start, stopped_at_the_end, wait_until
from tests.integration.aws_server import client

SECRETS = "airflow/variables/from_secret: hidden in a secret\n"
OPTIONS = {
    "secrets.backend": "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend",
    "secrets.backend_kwargs": json.dumps({"variables_prefix": "airflow/variables"}),
}
pytestmark = pytest.mark.network
DAGS = ("local_aws", "mwaa_clients", "tiny")
REAL_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAREAL", "AWS_SECRET_ACCESS_KEY": "real", "AWS_PROFILE": "prod"}


@pytest.fixture(
    scope="module", params=["process", pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.full])]
)
def local_aws(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEnvironment]:
    """An environment with a local AWS, its DAG run, in a shell that has credentials."""
    with stopped_at_the_end(tmp_path_factory.mktemp("aws")) as empty:
        runner = replace(empty, env={**empty.env, "MWAA_LOCAL_RUNTIME": request.param, **REAL_CREDENTIALS})
        settings = {
            "AirflowVersion": LATEST,
            "AirflowConfigurationOptions": OPTIONS,
            "LoggingConfiguration": {group.member: {"Enabled": True, "LogLevel": "INFO"} for group in Group},
            "Local": {"Aws": "local"},
        }
        runner.write(
            {
                "mwaa.yaml": json.dumps(settings),
                "airflow_settings.yaml": "airflow:\n  pools:\n    - {pool_name: narrow, pool_slot: 2}\n",
                **{f"dags/{name}.py": (TEST_DAGS_DIR / f"{name}.py").read_text() for name in DAGS},
                "tests/aws/s3/my-bucket/data/in.csv": "a,b",
                "tests/aws/s3/empty-bucket/.gitkeep": "",
                "tests/aws/secrets.yaml": SECRETS,
                "tests/aws/parameters.yaml": "/app/name: orders\n",
            }
        )
        try:
            yield start(runner, LATEST, "--run", "local_aws")
        finally:
            runner.run("down", "--now", "--volumes")


def listed_buckets(environment: RunningEnvironment) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{environment.plan().ports['aws']}/") as answer:
        return str(answer.read().decode())


def test_hook_boto3_and_secrets_backend_find_what_was_put_in(local_aws: RunningEnvironment) -> None:
    assert json.loads(local_aws.read("logs/aws.json")) == {
        "object": "a,b",
        "written": "by a task",
        "variable": "hidden in a secret",
        "parameter": "orders",
        "account": "000000000000",
        "credentials": "task.project",
        "prefixed": ["api.", "data-"],
    }


def test_up_says_where_it_is_and_what_it_holds(local_aws: RunningEnvironment) -> None:
    url = f"http://localhost:{local_aws.plan().ports['aws']}"
    assert f"{url} holds 2 buckets, 1 object, 1 secret, 1 parameter" in local_aws.started.stderr
    assert "put in 1 pool, from airflow_settings.yaml" in local_aws.started.stderr


def test_commands_of_the_users_shell_find_it(local_aws: RunningEnvironment) -> None:
    url = f"http://localhost:{local_aws.plan().ports['aws']}"
    assert json.loads(local_aws.run("aws-env", "--json").stdout)["variables"]["AWS_ENDPOINT_URL"] == url
    listed = local_aws.run("aws", "mwaa", "list-environments", "--query", "Environments", "--output", "text")
    assert listed.stdout.split() == [Environment.load(local_aws.project).name], listed.stderr


def test_hook_operator_and_sensors_of_airflow_for_mwaa_work_inside_a_dag(local_aws: RunningEnvironment) -> None:
    outcome = local_aws.run("up", "--run", "mwaa_clients")
    assert outcome.exit_code == 0, outcome.stderr
    states = local_aws.query("SELECT task_id, state FROM task_instance WHERE dag_id = 'mwaa_clients'")
    assert dict(states) == dict.fromkeys(("ask_by_hook", "trigger", "run", "one_task"), "success")
    made = local_aws.query("SELECT state FROM dag_run WHERE dag_id = 'tiny' AND run_id = 'from_the_operator'")
    assert [state for (state,) in made] == ["success"]


@pytest.mark.full
def test_metrics_of_the_environment_are_in_cloudwatch(local_aws: RunningEnvironment) -> None:
    """The names are those of the MWAA user guide; a minute is there some seconds after its end."""
    words = ("aws", "cloudwatch", "list-metrics", "--output", "json", "--namespace")

    def listed(namespace: str) -> dict[str, list[dict[str, str]]]:
        found: dict[str, list[dict[str, str]]] = {}
        for item in json.loads(local_aws.run(*words, namespace).stdout)["Metrics"]:
            about = {each["Name"]: each["Value"] for each in item["Dimensions"]}
            found.setdefault(item["MetricName"], []).append(about)
        return found

    wait_until(lambda: "TaskInstanceSuccesses" in listed("AmazonMWAA"), 180, "the minute in which tasks ended")
    name, sent = local_aws.project.name, listed("AmazonMWAA")
    assert sent["TaskInstanceSuccesses"] == [{"DAG": "All", "Task": "All", "Environment": name}]
    assert {"DAG": "local_aws", "Environment": name} in sent["DAGDurationSuccess"]
    assert sent["SchedulerHeartbeat"] == [{"Function": "Scheduler", "Environment": name}]
    assert sent["RunningTasks"] == [{"Function": "Executor", "Environment": name}]
    service = listed("AWS/MWAA")
    assert {about.get("Cluster") for about in service["CPUUtilization"]} == {"Scheduler", "BaseWorker", "WebServer"}
    assert service["QueuedTasks"] == service["RunningTasks"] == [{"Environment": name}]


def test_no_secret_and_no_credentials_are_in_a_log_or_a_command(local_aws: RunningEnvironment) -> None:
    logs = "".join(path.read_text() for path in local_aws.project.logs_dir.glob("*"))
    commands = json.dumps([component.argv for component in local_aws.plan().components])
    for word in ("hidden in a secret", "AKIAREAL"):
        assert word not in logs + commands + local_aws.started.stderr


@pytest.mark.parametrize("group", Group)
def test_log_groups_have_what_the_command_shows_of_the_files(local_aws: RunningEnvironment, group: Group) -> None:
    logs = client("logs", f"http://127.0.0.1:{local_aws.plan().ports['aws']}")
    name = group.name_in(Environment.load(local_aws.project).name)

    def of_files() -> Counter[tuple[str, str]]:
        lines = local_aws.run("logs", "--group", group, "--json").stdout.splitlines()
        return Counter(
            (event["logStreamName"], event["message"]) for event in map(json.loads, lines) if event["message"]
        )

    def of_group() -> Counter[tuple[str, str]]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=name)
        return Counter((event["logStreamName"], event["message"]) for page in pages for event in page["events"])

    first = of_files()
    assert len(first) > 1
    wait_until(lambda: first <= of_group(), 60, "all that was in the files before is in the group")
    assert of_group() <= of_files()  # and nothing is there twice


def test_task_logs_are_in_streams_by_run_and_attempt(local_aws: RunningEnvironment) -> None:
    logs = client("logs", f"http://127.0.0.1:{local_aws.plan().ports['aws']}")
    ((run_id,),) = local_aws.query("SELECT run_id FROM dag_run WHERE dag_id = 'local_aws'")
    group = Group.TASK.name_in(Environment.load(local_aws.project).name)
    stream = f"dag_id=local_aws/run_id={run_id.replace(':', '_')}/"
    listed = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]
    assert listed
    assert all(each["logStreamName"].endswith("/attempt=1.log") for each in listed)


def test_it_is_a_component_like_any_other(local_aws: RunningEnvironment) -> None:
    states = {item["name"]: item["state"] for item in local_aws.status()["components"]}
    assert states["aws"] == "ready"
    assert local_aws.run("logs", "aws").stdout


def test_changed_fixtures_restart_it_alone_with_what_is_there_now(local_aws: RunningEnvironment) -> None:
    before = local_aws.pids()
    local_aws.runner.write({"tests/aws/s3/third-bucket/a": ""})
    outcome = local_aws.run("up")
    assert outcome.exit_code == 0, outcome.stderr
    assert "third-bucket" in listed_buckets(local_aws)
    after = local_aws.pids()
    assert after.pop("aws") != before.pop("aws")
    assert after == before


def test_changed_settings_restart_nothing(local_aws: RunningEnvironment) -> None:
    before = local_aws.pids()
    local_aws.runner.write({"airflow_settings.yaml": "airflow:\n  pools:\n    - {pool_name: narrow, pool_slot: 3}\n"})
    outcome = local_aws.run("up")
    assert "put in 1 pool" in outcome.stderr
    assert local_aws.query("SELECT slots FROM slot_pool WHERE pool = 'narrow'") == [(3,)]
    assert local_aws.pids() == before


def put(environment: RunningEnvironment, key: str, body: bytes) -> None:
    client("s3", address(environment)).put_object(Bucket="my-bucket", Key=key, Body=body)


def address(environment: RunningEnvironment) -> str:
    return f"http://localhost:{environment.plan().ports['aws']}"


def held(environment: RunningEnvironment) -> dict[str, bytes]:
    s3 = client("s3", address(environment))
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="my-bucket").get("Contents", [])]
    return {key: s3.get_object(Bucket="my-bucket", Key=key)["Body"].read() for key in keys}


@pytest.mark.full
def test_it_keeps_what_it_holds_over_a_crash_and_a_stop(local_aws: RunningEnvironment) -> None:
    copy = local_aws.project.state_dir / "aws" / "kept" / "state"
    put(local_aws, "data/in.csv", b"changed here")
    before = copy.stat().st_mtime_ns
    put(local_aws, "added", b"x" * 100_000)
    wait_until(lambda: copy.stat().st_mtime_ns != before, 60, "a copy")
    pid = local_aws.pids()["aws"]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: local_aws.pids()["aws"] not in (None, pid), 60, "it is started again")
    local_aws.wait_until_healthy()
    assert held(local_aws)["added"] == b"x" * 100_000
    put(local_aws, "last", b"at the last moment")
    assert local_aws.run("down").exit_code == 0
    outcome = local_aws.run("up", "--port", "0", timeout_s=300)
    assert outcome.exit_code == 0, outcome.stderr
    assert "and what it held before" in outcome.stderr
    found = held(local_aws)
    assert (found["last"], found["data/in.csv"]) == (b"at the last moment", b"changed here")
    assert [remark for remark in local_aws.status()["remarks"] if remark["subject"] == "local AWS"] == []


@pytest.mark.full
def test_reset_aws_leaves_the_fixtures_alone_in_it(local_aws: RunningEnvironment) -> None:
    put(local_aws, "added", b"")
    pids = local_aws.pids()
    outcome = local_aws.run("reset-aws", "--yes")
    assert outcome.exit_code == 0, outcome.stderr
    assert held(local_aws) == {"data/in.csv": b"a,b"}
    assert local_aws.pids() == pids


@pytest.mark.full
def test_it_goes_when_it_is_not_asked_for_any_more(local_aws: RunningEnvironment) -> None:
    local_aws.runner.write({"mwaa.yaml": json.dumps({"AirflowVersion": LATEST})})
    outcome = local_aws.run("up", timeout_s=300)
    assert outcome.exit_code == 0, outcome.stderr
    assert "aws" not in local_aws.pids()
    assert "aws" not in local_aws.plan().ports
