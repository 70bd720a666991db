"""Airflow's metrics under MWAA's names. The rows are those of the MWAA user guide."""

from __future__ import annotations

import pytest

from mwaa_local.metrics.datum import AIRFLOW_NAMESPACE, Datum
from mwaa_local.metrics.minutes import Spread, Sums
from mwaa_local.metrics.names import ALL, airflow_data, named

NOON = 1_796_040_000


@pytest.mark.parametrize(
    ("sent", "name", "unit", "dimensions"),
    [
        ("scheduler_heartbeat", "SchedulerHeartbeat", "Count", {"Function": "Scheduler"}),
        ("executor.open_slots", "OpenSlots", "Count", {"Function": "Executor"}),
        ("dag_processing.total_parse_time", "TotalParseTime", "Seconds", {"Function": "DAG Processing"}),
        ("ti_failures", "TaskInstanceFailures", "Count", {"DAG": "All", "Task": "All"}),
        ("job_start", "JobStart", "Count", {"Job": "job"}),
        ("schedulerjob_heartbeat_failure", "JobHeartbeatFailure", "Count", {"Job": "schedulerjob"}),
        ("operator_failures_BashOperator", "OperatorFailures", "Count", {"Operator": "BashOperator"}),
        (
            "task_instance_created-_PythonDecoratedOperator",
            "TaskInstanceCreatedUsingOperator",
            "Count",
            {"Operator": "_PythonDecoratedOperator"},
        ),
        ("pool.open_slots.default_pool", "PoolOpenSlots", "Count", {"Pool": "default_pool"}),
        ("pool.open_slots.of.my.own", "PoolOpenSlots", "Count", {"Pool": "of.my.own"}),
        (
            "ti.finish.orders.load.success",
            "TaskInstanceFinished",
            "Count",
            {"DAG": "orders", "Task": "load", "State": "success"},
        ),
        (
            "ti.finish.orders.group.load.failed",  # a task of a task group
            "TaskInstanceFinished",
            "Count",
            {"DAG": "orders", "Task": "group.load", "State": "failed"},
        ),
        ("ti.start.orders.load", "StartedTaskInstances", "Count", {"DAG": "All", "Task": "All"}),
        ("dag.orders.load.duration", "TaskInstanceDuration", "Milliseconds", {"DAG": "orders", "Task": "load"}),
        (
            "dag.orders.load.queued_duration",
            "TaskInstanceQueuedDuration",
            "Milliseconds",
            {"DAG": "orders", "Task": "load"},
        ),
        ("dagrun.duration.success.orders.daily", "DAGDurationSuccess", "Milliseconds", {"DAG": "orders.daily"}),
        ("dagrun.orders.first_task_scheduling_delay", "FirstTaskSchedulingDelay", "Milliseconds", {"DAG": "orders"}),
        (
            "dag_processing.last_duration.dags-folder.orders",
            "DAGFileProcessingLastDuration",
            "Seconds",
            {"DAG Filename": "orders"},
        ),
        (
            "dag_processing.last_run.seconds_ago.orders.daily",
            "DAGFileProcessingLastRunSecondsAgo",
            "Seconds",
            {"DAG Filename": "orders.daily"},
        ),
        (
            "triggers.running.ip-10-0-0-1",
            "TriggersRunning",
            "Count",
            {"Function": "Trigger", "HostName": "ip-10-0-0-1"},
        ),
        ("cpu.usage.orders.load", "TaskCpuUsage", "Percent", {"DAG": "orders", "Task": "load"}),
    ],
)
def test_name_unit_and_dimensions_are_the_guide_s(sent: str, name: str, unit: str, dimensions: dict[str, str]) -> None:
    match = named(sent)
    assert match is not None
    row, found = match
    assert (row.name, row.unit, dict(found)) == (name, unit, dimensions)


@pytest.mark.parametrize(
    "sent",
    [
        "executor.open_slots.CeleryExecutor",  # the same again, under a longer name
        "pool.open_slots",  # the same without the pool, and in Airflow 3 with it as a tag
        "ti.finish",
        "dagrun.duration.success",
        "dag_processing.last_duration",
        "triggerer.capacity_left",
        "my.own.metric",
        "dag.orders.duration",
    ],
)
def test_what_the_guide_does_not_list_is_not_put(sent: str) -> None:
    assert named(sent) is None


def test_every_row_is_found_by_its_own_name() -> None:
    for template, row in ALL.items():
        name = template
        for place, value in (("{*}", "a.b"), ("{DAG}", "a"), ("{Task}", "b"), ("{State}", "success"), ("{Job}", "job")):
            name = name.replace(place, value)
        for place in ("{DAG*}", "{Pool*}", "{DAG Filename*}", "{HostName*}", "{Operator}"):
            name = name.replace(place, "x")
        match = named(name)
        assert match is not None, template
        assert match[0] is row, template


def test_minute_is_put_once_for_each_metric_and_its_values_are_those_that_came() -> None:
    sums = Sums(
        counters={
            "scheduler_heartbeat": 12,
            "ti.start.a.b": 2,
            "ti.start.a.c": 3,
            "ti.finish.a.b.success": 1,
            "ti.finish.a.b.failed": 0,
            "unknown": 1,
        },
        gauges={"executor.open_slots": Spread(60, 1900, 30, 32, 31)},
        timers={"dag.a.b.duration": Spread(2, 2000, 500, 1500, 500)},
    )
    data = {datum.name: datum for datum in airflow_data(sums, NOON, "mine")}
    about = (("DAG", "a"), ("Environment", "mine"), ("State", "success"), ("Task", "b"))
    assert data.keys() == {
        "OpenSlots",
        "SchedulerHeartbeat",
        "StartedTaskInstances",
        "TaskInstanceDuration",
        "TaskInstanceFinished",  # of the state that it got; Airflow 2 sends a zero for each other
    }
    assert data["TaskInstanceFinished"].dimensions == about
    assert data["StartedTaskInstances"].values.total == 5
    assert data["TaskInstanceDuration"] == Datum(
        AIRFLOW_NAMESPACE,
        "TaskInstanceDuration",
        (("DAG", "a"), ("Environment", "mine"), ("Task", "b")),
        "Milliseconds",
        NOON,
        Spread(2, 2000, 500, 1500, 500),
    )
    assert data["OpenSlots"].plain() == {
        "MetricName": "OpenSlots",
        "Dimensions": [{"Name": "Environment", "Value": "mine"}, {"Name": "Function", "Value": "Executor"}],
        "Timestamp": NOON,
        "Unit": "Count",
        "StatisticValues": {"SampleCount": 60, "Sum": 1900, "Minimum": 30, "Maximum": 32},
    }
