"""A deployment pipeline as teams write it for MWAA, by boto3 alone: bucket, environment, a new DAG, new requirements, a
run, its logs and metrics, the end. All of it is real: Airflow, the API, the local AWS.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.project import Project
from mwaa_local.runtime.choice import existing_runtime
from mwaa_local.services.calls import ROLES_NAME, calls_dir
from tests.conftest import ProjectRunner, cache_dir, make_clean_env
from tests.environments import LATEST, wait_until
from tests.integration.aws_server import client

pytestmark = [pytest.mark.full, pytest.mark.network]

NAME, BUCKET, ROLE = "pipeline", "team-bucket", "arn:aws:iam::123456789012:role/team"
CHANGED_S = 300.0  # for an environment to be made or changed, on a busy machine
SYNC_S = 90.0  # twice the interval, and Airflow's own
METRICS_S = 150.0  # two minutes, and the end of one
DAG = """
from airflow.sdk import dag, task

@dag
def {name}():
    @task
    def say():
        import six
        print("said by {name} with six", six.__version__)

    say()

{name}()
"""
GROUPS = ("DagProcessingLogs", "SchedulerLogs", "TaskLogs", "WebserverLogs", "WorkerLogs")


@dataclass
class Pipeline:
    """A project whose local AWS and API the pipeline deploys to."""

    runner: ProjectRunner
    url: str

    def client(self, service: str) -> Any:
        return client(service, self.url)

    def upload(self, key: str, body: str) -> str:
        return str(self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body.encode())["VersionId"])

    def status(self) -> str:
        return str(self.client("mwaa").get_environment(Name=NAME)["Environment"]["Status"])

    def rest(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.client("mwaa").invoke_rest_api(
            Name=NAME, Method=method, Path=path, **({"Body": body} if body else {})
        )
        return answer["RestApiResponse"]

    def has_dag(self, name: str) -> bool:
        return name in {each["dag_id"] for each in self.rest("GET", "/dags")["dags"]}

    def ran(self, dag: str) -> str:
        """Trigger a run, wait for its end, and return its state."""
        run = self.rest("POST", f"/dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"]

        def state() -> str:
            found = str(self.rest("GET", f"/dags/{dag}/dagRuns/{run}")["state"])
            return found if found in ("success", "failed") else ""

        return wait_until(state, CHANGED_S, "the end of the run")

    def roles(self) -> dict[str, str]:
        return dict(json.loads((calls_dir(Project(self.runner.root_dir)) / ROLES_NAME).read_text()))

    def messages(self, group: str, pattern: str) -> list[str]:
        found = self.client("logs").filter_log_events(logGroupName=f"airflow-{NAME}-{group}", filterPattern=pattern)
        return [event["message"] for event in found["events"]]

    def total(self, namespace: str, metric: str, statistic: str) -> float:
        """Return the sum of a metric of the last hour over all its dimensions."""
        cloudwatch, now = self.client("cloudwatch"), datetime.now(UTC)
        total = 0.0
        for found in cloudwatch.list_metrics(Namespace=namespace, MetricName=metric)["Metrics"]:
            points = cloudwatch.get_metric_statistics(
                Namespace=namespace,
                MetricName=metric,
                Dimensions=found["Dimensions"],
                StartTime=now - timedelta(hours=1),
                EndTime=now + timedelta(minutes=1),
                Period=60,
                Statistics=[statistic],
            )["Datapoints"]
            total += sum(point[statistic] for point in points)
        return total


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    env = {**make_clean_env(cache_dir()), "MWAA_LOCAL_RUNTIME": "process"}
    runner = ProjectRunner(tmp_path_factory.mktemp("project"), env)
    runner.write(
        {
            "dags/none.py": "",
            "mwaa.yaml": json.dumps({"AirflowVersion": LATEST, "Local": {"Aws": "local", "WebserverPort": 0}}),
        }
    )
    outcome = runner.run("up")
    assert outcome.exit_code == 0, outcome.stderr
    plan = existing_runtime(Project(runner.root_dir), env).running_plan()
    assert plan is not None
    yield Pipeline(runner, f"http://localhost:{plan.ports['aws']}")
    for folder in (*(runner.root_dir / ".mwaa-local" / "environments").glob("*"), runner.root_dir):
        runner.run("down", "--now", "--project", str(folder))
    runner.run("api", str(runner.root_dir), "--stop")


def changed(pipeline: Pipeline, change: Callable[[], object]) -> str:
    """Do it, wait until the environment is not being changed any more, and return its status."""
    change()
    going_on = ("CREATING", "UPDATING", "CREATING_SNAPSHOT", "ROLLING_BACK")
    wait_until(lambda: pipeline.status() not in going_on, CHANGED_S, "the end of the change")
    return pipeline.status()


def test_environment_is_made_of_the_bucket(pipeline: Pipeline) -> None:
    s3 = pipeline.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    blocks = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=blocks)
    pipeline.upload("dags/first.py", DAG.format(name="first"))
    version = pipeline.upload("requirements.txt", "six==1.16.0\n")
    create = {
        "Name": NAME,
        "AirflowVersion": LATEST,
        "ExecutionRoleArn": ROLE,
        "SourceBucketArn": f"arn:aws:s3:::{BUCKET}",
        "DagS3Path": "dags",
        "RequirementsS3Path": "requirements.txt",
        "RequirementsS3ObjectVersion": version,
        "NetworkConfiguration": {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
        "LoggingConfiguration": {group: {"Enabled": True, "LogLevel": "INFO"} for group in GROUPS},
    }
    assert changed(pipeline, lambda: pipeline.client("mwaa").create_environment(**create)) == "AVAILABLE"
    wait_until(lambda: pipeline.has_dag("first"), SYNC_S, "the first DAG")
    assert pipeline.roles() == {NAME: ROLE}  # by which the local AWS would refuse, if it was to


def test_uploaded_dag_appears_and_a_deleted_one_leaves_the_folder(pipeline: Pipeline) -> None:
    pipeline.upload("dags/team/second.py", DAG.format(name="second"))
    pipeline.client("s3").delete_object(Bucket=BUCKET, Key="dags/first.py")
    dags_dir = Path(pipeline.runner.root_dir) / ".mwaa-local" / "environments" / NAME / "dags"
    wait_until(lambda: pipeline.has_dag("second"), SYNC_S, "the DAG that was uploaded")
    wait_until(lambda: not (dags_dir / "first.py").exists(), SYNC_S, "the end of the deleted file")


def test_requirements_follow_an_update_alone(pipeline: Pipeline) -> None:
    newer = pipeline.upload("requirements.txt", "six==1.17.0\n")
    pipeline.client("s3").put_object(Bucket=BUCKET, Key="requirements.txt", Body=b"nonsense==\n")
    pipeline.rest("PATCH", "/dags/second", {"is_paused": False})
    update = {"Name": NAME, "RequirementsS3Path": "requirements.txt", "RequirementsS3ObjectVersion": newer}
    assert changed(pipeline, lambda: pipeline.client("mwaa").update_environment(**update)) == "AVAILABLE"
    wait_until(lambda: pipeline.has_dag("second"), SYNC_S, "the DAG after the update")
    assert pipeline.ran("second") == "success"


def test_each_line_of_the_task_is_in_its_log_group_once(pipeline: Pipeline) -> None:
    wait_until(lambda: pipeline.messages("Task", '"said by second"'), SYNC_S, "the task's line")
    time.sleep(5.0)  # for one that would come a second time
    (line,) = pipeline.messages("Task", '"said by second"')
    assert "said by second with six 1.17.0" in line
    assert pipeline.messages("Scheduler", "") != []
    installed = pipeline.client("logs").describe_log_streams(
        logGroupName=f"airflow-{NAME}-Worker", logStreamNamePrefix="requirements_install_"
    )
    assert installed["logStreams"] != []


def test_metrics_have_counted_the_run(pipeline: Pipeline) -> None:
    def finished() -> bool:
        return pipeline.total("AmazonMWAA", "TaskInstanceSuccesses", "Sum") >= 1

    wait_until(finished, METRICS_S, "the metric of a task that succeeded")
    assert pipeline.total("AWS/MWAA", "CPUUtilization", "SampleCount") > 0


def test_nothing_is_left_of_it_but_the_bucket(pipeline: Pipeline) -> None:
    mwaa = pipeline.client("mwaa")
    mwaa.delete_environment(Name=NAME)
    wait_until(lambda: NAME not in mwaa.list_environments()["Environments"], CHANGED_S, "the end of the environment")
    assert not (pipeline.runner.root_dir / ".mwaa-local" / "environments" / NAME).exists()
    assert pipeline.roles() == {}
    assert pipeline.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] == 2
