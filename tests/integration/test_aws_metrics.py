"""Metrics of an environment in the local AWS's CloudWatch, as boto3 and the AWS CLI find them there."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from mwaa_local.database.tasks import TaskCounts
from mwaa_local.environment.environment import Environment
from mwaa_local.guest.statsd.keeping import Files
from mwaa_local.metrics.cloudwatch import NotPut, batches, put
from mwaa_local.metrics.datum import Datum
from mwaa_local.metrics.figures import ComponentFigures, Figures, append_figures
from mwaa_local.metrics.minutes import Spread, minute_of
from mwaa_local.metrics.putting import put_all
from mwaa_local.runtime.ports import free_port
from tests.integration.aws_endpoint import REGION, Endpoint, endpoint

pytestmark = pytest.mark.network  # moto's packages, once
KEYS = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": REGION}
ENVIRONMENT = Environment.model_validate({"Name": "mine"})
NOW = minute_of(time.time())
FIRST = NOW - 600


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with endpoint(tmp_path_factory.mktemp("aws")) as started:
        yield started


@pytest.fixture(scope="module")
def filled(aws: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Endpoint:
    """With two minutes of an environment, which were put as its observer puts them."""
    folder = tmp_path_factory.mktemp("metrics")
    for number in range(2):
        values = {
            "counters": {"scheduler_heartbeat": 10 + number, "ti_successes": number},
            "gauges": {
                "executor.open_slots": [60, 1900, 30, 32, 31],
                "pool.open_slots.default_pool": [1, 128, 128, 128, 128],
            },
            "timers": {"dag.orders.load.duration": [2, 2000, 500, 1500, 500]},
        }
        Files(folder).append(FIRST + number * 60, values)
        components = {"worker.1": ComponentFigures(50, 1 << 30), "worker.2": ComponentFigures(10, 1 << 29)}
        append_figures(folder, FIRST + number * 60, Figures(components, TaskCounts(3, 4, 12.5)))
    put_all(folder, ENVIRONMENT, time.time(), lambda batch: put(aws.url, REGION, batch), lambda: False)
    return aws


def client(aws: Endpoint) -> Any:
    return boto3.client("cloudwatch", endpoint_url=aws.url, **KEYS)


def test_boto3_lists_the_metrics_with_their_dimensions(filled: Endpoint) -> None:
    found = client(filled).list_metrics(Namespace="AmazonMWAA")["Metrics"]
    assert len(found) == 5  # once each, however many minutes there are
    assert {item["MetricName"]: {each["Name"]: each["Value"] for each in item["Dimensions"]} for item in found} == {
        "SchedulerHeartbeat": {"Environment": "mine", "Function": "Scheduler"},
        "TaskInstanceSuccesses": {"Environment": "mine", "DAG": "All", "Task": "All"},
        "OpenSlots": {"Environment": "mine", "Function": "Executor"},
        "PoolOpenSlots": {"Environment": "mine", "Pool": "default_pool"},
        "TaskInstanceDuration": {"Environment": "mine", "DAG": "orders", "Task": "load"},
    }


def test_boto3_gets_the_data_aligned_to_minutes(filled: Endpoint) -> None:
    def query(name: str, namespace: str, stat: str, **dimensions: str) -> dict[str, Any]:
        about = [{"Name": key, "Value": value} for key, value in {"Environment": "mine", **dimensions}.items()]
        metric = {"Namespace": namespace, "MetricName": name, "Dimensions": about}
        return {"Id": f"{name}{stat}".lower(), "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}

    answer = client(filled).get_metric_data(
        MetricDataQueries=[
            query("SchedulerHeartbeat", "AmazonMWAA", "Sum", Function="Scheduler"),
            query("TaskInstanceDuration", "AmazonMWAA", "Average", DAG="orders", Task="load"),
            query("OpenSlots", "AmazonMWAA", "Minimum", Function="Executor"),
            query("CPUUtilization", "AWS/MWAA", "SampleCount", Cluster="AdditionalWorker"),
            query("QueuedTasks", "AWS/MWAA", "Maximum"),
            query("ApproximateAgeOfOldestTask", "AWS/MWAA", "Maximum"),
        ],
        StartTime=datetime.fromtimestamp(FIRST - 60, UTC),
        EndTime=datetime.fromtimestamp(NOW, UTC),
        ScanBy="TimestampAscending",
    )
    results = {item["Id"]: item for item in answer["MetricDataResults"]}
    assert {key: item["Values"] for key, item in results.items()} == {
        "schedulerheartbeatsum": [10, 11],
        "taskinstancedurationaverage": [1000, 1000],
        "openslotsminimum": [30, 30],
        "cpuutilizationsamplecount": [1, 1],  # the number of workers beyond MinWorkers, as the guide has it
        "queuedtasksmaximum": [4, 4],
        "approximateageofoldesttaskmaximum": [12.5, 12.5],
    }
    stamps = [stamp.timestamp() for stamp in results["schedulerheartbeatsum"]["Timestamps"]]
    assert stamps == [FIRST, FIRST + 60]


def test_aws_cli_gets_statistics(filled: Endpoint) -> None:
    words = ["cloudwatch", "get-metric-statistics", "--namespace", "AWS/MWAA", "--metric-name", "MemoryUtilization"]
    words += ["--dimensions", "Name=Environment,Value=mine", "Name=Cluster,Value=BaseWorker", "--period", "60"]
    words += ["--start-time", str(FIRST - 60), "--end-time", str(NOW), "--statistics", "Maximum", "--output", "json"]
    env = {name.upper(): value for name, value in KEYS.items() if name.startswith("aws")}
    env |= {"AWS_DEFAULT_REGION": REGION, "PATH": "/usr/bin:/bin"}
    cli = str(Path(sys.executable).with_name("aws"))
    done = subprocess.run(
        [cli, "--endpoint-url", filled.url, *words], env=env, capture_output=True, text=True, timeout=60, check=True
    )
    points = json.loads(done.stdout)["Datapoints"]
    assert [(point["Maximum"], point["Unit"]) for point in points] == [(50, "Percent")] * 2  # 1 of 2 GB: mw1.small


def test_own_metrics_older_than_three_hours_are_forgotten_and_others_stay(aws: Endpoint) -> None:
    cloudwatch = client(aws)
    old = datetime.now(UTC) - timedelta(hours=4)
    for namespace in ("AmazonMWAA", "mine"):
        data = [{"MetricName": "Old", "Timestamp": when, "Value": 1} for when in (old, datetime.now(UTC))]
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
    for namespace, count in (("AmazonMWAA", 1), ("mine", 2)):
        found = cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName="Old",
            StartTime=old - timedelta(hours=1),
            EndTime=datetime.now(UTC) + timedelta(minutes=1),
            Period=60,
            Statistics=["SampleCount"],
        )
        assert sum(point["SampleCount"] for point in found["Datapoints"]) == count, namespace


def test_aws_that_is_away_or_says_no_is_told(aws: Endpoint) -> None:
    [batch] = batches([Datum("AmazonMWAA", "A", (), "Count", NOW, Spread(1, 1, 1, 1, 1))])
    with pytest.raises(NotPut, match="does not answer"):
        put(f"http://127.0.0.1:{free_port()}", REGION, batch)
    with pytest.raises(NotPut, match=r"answered 5\d\d: .*mwaa-local"):
        put(f"{aws.url}/_mwaa-local/elsewhere", REGION, batch)  # nobody answers for MWAA's own API in this test
