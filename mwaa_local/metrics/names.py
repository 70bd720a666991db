"""Which of Airflow's metrics MWAA puts into CloudWatch, and how they are called there. Data, and how it is applied.

Source: MWAA user guide, "Apache Airflow environment metrics in CloudWatch". What it does not list is not put. Of two
rows with one name of Airflow's the second is left out: `PoolFailures`, which is said to be `pool.open_slots`, too.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mwaa_local.metrics.datum import AIRFLOW_NAMESPACE, COUNT, MILLISECONDS, PERCENT, SECONDS, Datum
from mwaa_local.metrics.minutes import Spread, Sums

CELERY = {"Function": "Celery"}
DAG_PROCESSING = {"Function": "DAG Processing"}
EXECUTOR = {"Function": "Executor"}
SCHEDULER = {"Function": "Scheduler"}
SMART_SENSOR = {"Function": "Smart Sensor Operator"}
TRIGGER = {"Function": "Trigger"}
TRIGGERER = {"Function": "Triggerer"}
EVERY_DAG = {"DAG": "All"}
EVERY_TASK = {"DAG": "All", "Task": "All"}
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class Named:
    """One row of the guide: MWAA's name, the unit, and the dimensions that do not come out of Airflow's name."""

    name: str
    unit: str
    dimensions: Mapping[str, str]


# Airflow's name -> MWAA's. What stands in braces is a dimension; see `_pattern` for what it may be.
COUNTERS = {
    "sla_missed": Named("SLAMissed", COUNT, SCHEDULER),
    "sla_callback_notification_failure": Named("FailedSLACallback", COUNT, SCHEDULER),
    "dataset.updates": Named("Updates", COUNT, SCHEDULER),
    "dataset.orphaned": Named("Orphaned", COUNT, SCHEDULER),
    "celery.execute_command.failure": Named("FailedCeleryTaskExecution", COUNT, CELERY),
    "dag_processing.file_path_queue_update_count": Named("FilePathQueueUpdateCount", COUNT, SCHEDULER),
    "scheduler.critical_section_busy": Named("CriticalSectionBusy", COUNT, SCHEDULER),
    "dagbag_size": Named("DagBagSize", COUNT, DAG_PROCESSING),
    "dag.callback_exceptions": Named("DagCallbackExceptions", COUNT, EVERY_DAG),
    "sla_email_notification_failure": Named("FailedSLAEmailAttempts", COUNT, SCHEDULER),
    "ti.finish.{DAG}.{Task}.{State}": Named("TaskInstanceFinished", COUNT, NOTHING),
    "{Job}_end": Named("JobEnd", COUNT, NOTHING),
    "{Job}_heartbeat_failure": Named("JobHeartbeatFailure", COUNT, NOTHING),
    "{Job}_start": Named("JobStart", COUNT, NOTHING),
    "dag_processing.manager_stalls": Named("ManagerStalls", COUNT, DAG_PROCESSING),
    "operator_failures_{Operator}": Named("OperatorFailures", COUNT, NOTHING),
    "operator_successes_{Operator}": Named("OperatorSuccesses", COUNT, NOTHING),
    "dag_processing.other_callback_count": Named("OtherCallbackCount", COUNT, SCHEDULER),
    "dag_processing.processes": Named("Processes", COUNT, DAG_PROCESSING),
    "scheduler_heartbeat": Named("SchedulerHeartbeat", COUNT, SCHEDULER),
    "ti.start.{*}": Named("StartedTaskInstances", COUNT, EVERY_TASK),
    "dag_processing.sla_callback_count": Named("SlaCallbackCount", COUNT, SCHEDULER),
    "scheduler.tasks.killed_externally": Named("TasksKilledExternally", COUNT, SCHEDULER),
    "celery.task_timeout_error": Named("TaskTimeoutError", COUNT, CELERY),
    "task_instance_created-{Operator}": Named("TaskInstanceCreatedUsingOperator", COUNT, NOTHING),
    "task_instance_created_{Operator}": Named("TaskInstanceCreatedUsingOperator", COUNT, NOTHING),
    "previously_succeeded": Named("TaskInstancePreviouslySucceeded", COUNT, EVERY_TASK),
    "ti_failures": Named("TaskInstanceFailures", COUNT, EVERY_TASK),
    "ti_successes": Named("TaskInstanceSuccesses", COUNT, EVERY_TASK),
    "task_removed_from_dag.{DAG*}": Named("TaskRemovedFromDAG", COUNT, NOTHING),
    "task_restored_to_dag.{DAG*}": Named("TaskRestoredToDAG", COUNT, NOTHING),
    "triggers.succeeded": Named("TriggersSucceeded", COUNT, TRIGGER),
    "triggers.failed": Named("TriggersFailed", COUNT, TRIGGER),
    "triggers.blocked_main_thread": Named("TriggersBlockedMainThread", COUNT, TRIGGER),
    "triggerer_heartbeat": Named("TriggerHeartbeat", COUNT, TRIGGERER),
    "zombies_killed": Named("ZombiesKilled", COUNT, EVERY_TASK),
}
GAUGES = {
    "dag_file_refresh_error": Named("DAGFileRefreshError", COUNT, DAG_PROCESSING),
    "dag_processing.import_errors": Named("ImportErrors", COUNT, DAG_PROCESSING),
    "smart_sensor_operator.exception_failures": Named("ExceptionFailures", COUNT, SMART_SENSOR),
    "smart_sensor_operator.executed_tasks": Named("ExecutedTasks", COUNT, SMART_SENSOR),
    "smart_sensor_operator.infra_failures": Named("InfraFailures", COUNT, SMART_SENSOR),
    "smart_sensor_operator.loaded_tasks": Named("LoadedTasks", COUNT, SMART_SENSOR),
    "dag_processing.total_parse_time": Named("TotalParseTime", SECONDS, DAG_PROCESSING),
    "dataset.triggered_dagruns": Named("TriggeredDagRuns", COUNT, SCHEDULER),
    "triggers.running.{HostName*}": Named("TriggersRunning", COUNT, TRIGGER),
    "pool.deferred_slots.{Pool*}": Named("PoolDeferredSlots", COUNT, NOTHING),
    "dag_processing.last_run.seconds_ago.{DAG Filename*}": Named(
        "DAGFileProcessingLastRunSecondsAgo", SECONDS, NOTHING
    ),
    "executor.open_slots": Named("OpenSlots", COUNT, EXECUTOR),
    "scheduler.orphaned_tasks.adopted": Named("OrphanedTasksAdopted", COUNT, SCHEDULER),
    "scheduler.orphaned_tasks.cleared": Named("OrphanedTasksCleared", COUNT, SCHEDULER),
    "smart_sensor_operator.poked_exception": Named("PokedExceptions", COUNT, SMART_SENSOR),
    "smart_sensor_operator.poked_success": Named("PokedSuccess", COUNT, SMART_SENSOR),
    "smart_sensor_operator.poked_tasks": Named("PokedTasks", COUNT, SMART_SENSOR),
    "pool.starving_tasks.{Pool*}": Named("PoolStarvingTasks", COUNT, NOTHING),
    "pool.open_slots.{Pool*}": Named("PoolOpenSlots", COUNT, NOTHING),
    "pool.queued_slots.{Pool*}": Named("PoolQueuedSlots", COUNT, NOTHING),
    "pool.running_slots.{Pool*}": Named("PoolRunningSlots", COUNT, NOTHING),
    "dag_processing.processor_timeouts": Named("ProcessorTimeouts", COUNT, DAG_PROCESSING),
    "executor.queued_tasks": Named("QueuedTasks", COUNT, EXECUTOR),
    "executor.running_tasks": Named("RunningTasks", COUNT, EXECUTOR),
    "scheduler.tasks.executable": Named("TasksExecutable", COUNT, SCHEDULER),
    "scheduler.tasks.pending": Named("TasksPending", COUNT, SCHEDULER),
    "scheduler.tasks.running": Named("TasksRunning", COUNT, SCHEDULER),
    "scheduler.tasks.starving": Named("TasksStarving", COUNT, SCHEDULER),
    "scheduler.tasks.without_dagrun": Named("TasksWithoutDagRun", COUNT, SCHEDULER),
    "dag_processing.last_num_of_db_queries.{DAG Filename*}": Named(
        "DAGFileProcessingLastNumOfDbQueries", COUNT, NOTHING
    ),
    "pool.scheduled_slots.{Pool*}": Named("PoolScheduledSlots", COUNT, NOTHING),
    "cpu.usage.{DAG}.{Task}": Named("TaskCpuUsage", PERCENT, NOTHING),
    "mem.usage.{DAG}.{Task}": Named("TaskMemoryUsage", PERCENT, NOTHING),
}
TIMERS = {
    "collect_db_dags": Named("CollectDBDags", MILLISECONDS, DAG_PROCESSING),
    "scheduler.critical_section_duration": Named("CriticalSectionDuration", MILLISECONDS, SCHEDULER),
    "scheduler.critical_section_query_duration": Named("CriticalSectionQueryDuration", MILLISECONDS, SCHEDULER),
    "dagrun.dependency-check.{DAG*}": Named("DAGDependencyCheck", MILLISECONDS, NOTHING),
    "dagrun.duration.failed.{DAG*}": Named("DAGDurationFailed", MILLISECONDS, NOTHING),
    "dagrun.duration.success.{DAG*}": Named("DAGDurationSuccess", MILLISECONDS, NOTHING),
    "dag_processing.last_duration.{DAG Filename*}": Named("DAGFileProcessingLastDuration", SECONDS, NOTHING),
    "dagrun.schedule_delay.{DAG*}": Named("DAGScheduleDelay", MILLISECONDS, NOTHING),
    "dagrun.{DAG*}.first_task_scheduling_delay": Named("FirstTaskSchedulingDelay", MILLISECONDS, NOTHING),
    "scheduler.scheduler_loop_duration": Named("SchedulerLoopDuration", MILLISECONDS, SCHEDULER),
    "dag.{DAG}.{Task}.duration": Named("TaskInstanceDuration", MILLISECONDS, NOTHING),
    "dag.{DAG}.{Task}.queued_duration": Named("TaskInstanceQueuedDuration", MILLISECONDS, NOTHING),
    "dag.{DAG}.{Task}.scheduled_duration": Named("TaskInstanceScheduledDuration", MILLISECONDS, NOTHING),
}
ALL = {**COUNTERS, **GAUGES, **TIMERS}
BUNDLE = "dags-folder"  # what Airflow 3 calls the DAGs folder
MILLISECONDS_IN_SECOND = 1000.0
_PLACE = re.compile(r"\{([^}]+)\}")


def in_guide_units(sums: Sums, millisecond_timers: Sequence[str]) -> Sums:
    """Return the sums with those timers of a release (`Release.millisecond_timers`) in seconds."""
    begins = tuple(millisecond_timers)
    timers = {
        name: spread.divided(MILLISECONDS_IN_SECOND) if name.startswith(begins) else spread
        for name, spread in sums.timers.items()
    }
    return replace(sums, timers=timers)


def airflow_data(sums: Sums, minute: int, environment_name: str) -> list[Datum]:
    """Return what Airflow sent in that minute as MWAA puts it into CloudWatch, in the same order for the same sums."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], Datum] = {}
    for name, values in _series(sums):
        match = named(name)
        if match is None:
            continue
        row, dimensions = match
        if "State" in dimensions and not values.total:  # Airflow 2 sends a zero for each state that a task may get
            continue
        about = {"Environment": environment_name, **dimensions}
        datum = Datum.of(AIRFLOW_NAMESPACE, row.name, about, row.unit, minute, values)
        key = (datum.name, datum.dimensions)
        if key in found:  # several names of Airflow's, as those of all tasks that were started
            datum = Datum.of(AIRFLOW_NAMESPACE, row.name, about, row.unit, minute, _added(found[key].values, values))
        found[key] = datum
    return [found[key] for key in sorted(found)]


@functools.lru_cache(maxsize=20_000)
def named(name: str) -> tuple[Named, Mapping[str, str]] | None:
    """Return the row of one of Airflow's names and all dimensions but the environment's; None where there is none."""
    found = template_of(name)
    if found is None:
        return None
    template, parts = found
    return ALL[template], {**ALL[template].dimensions, **parts}


def template_of(name: str) -> tuple[str, Mapping[str, str]] | None:
    """Return the template of one of Airflow's names, a key of `ALL`, and what stands at its places."""
    if name in ALL:
        return name, NOTHING
    for pattern, groups, template in _patterns():
        if match := pattern.fullmatch(name):
            return template, dict(zip(groups, match.groups(), strict=True))
    return None


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], list[str], str]]:
    """Return the templates that have a place for a dimension, as patterns and what their groups are."""
    found = []
    for template in ALL:
        if "{" in template:
            groups = [place.rstrip("*") for place in _PLACE.findall(template) if place != "*"]
            found.append((_pattern(template), groups, template))
    return found


def _pattern(template: str) -> re.Pattern[str]:
    """Return what matches the names of a template.

    With a star a place takes all that is there, points included, and alone it is no dimension. Without one it takes no
    point, except a task, since those in a group are called `group.task`: which part of `a.b.c` is the DAG and which the
    task nobody can say, and a DAG with a point in its id is rarer. Jobs and operators are words. Before a file
    Airflow 3 has the bundle in one name and none in another; MWAA has but one bundle.
    """
    parts = _PLACE.split(template)
    return re.compile("".join(_place(part) if odd % 2 else re.escape(part) for odd, part in enumerate(parts)))


def _place(name: str) -> str:
    if name == "*":
        return ".+"
    if name == "DAG Filename*":
        return rf"(?:{re.escape(BUNDLE)}\.)?(.+)"
    if name in ("Job", "Operator"):
        return r"([A-Za-z0-9]+)" if name == "Job" else r"(\w+)"
    return r"(.+)" if name.endswith("*") or name == "Task" else r"([^.]+)"


def _series(sums: Sums) -> Iterator[tuple[str, Spread]]:
    for name, value in sums.counters.items():
        yield name, Spread(1.0, value, value, value, value)
    yield from sums.gauges.items()
    yield from sums.timers.items()


def _added(one: Spread, other: Spread) -> Spread:
    """Return the sum of two values of one minute, as of counters that MWAA does not tell apart."""
    total = one.total + other.total
    return Spread(1.0, total, total, total, total)
