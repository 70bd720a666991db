"""task-longer-than-12h: time limits beyond what a task may last on MWAA."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mwaa_local.check.dags.rule import DagRule, at
from mwaa_local.check.dags.sensors import poking_sensors
from mwaa_local.check.dags.source import Call, Source
from mwaa_local.check.dags.task_time import TASK_LIMIT_S, in_words
from mwaa_local.finding import WARNING, Finding

ID = "task-longer-than-12h"
WHY = (
    "After 12 hours MWAA's SQS queue considers the task lost and delivers it again, whatever Airflow's own limits "
    "say (visibility timeout 43200 s, which cannot be changed): the task then fails or runs twice."
)
_TIMEOUT = "execution_timeout"


def find(source: Source) -> Iterator[Finding]:
    """Yield execution_timeout, and timeout of sensors in poke mode, above TASK_LIMIT_S."""
    for call in source.tasks:
        given = call.arguments.get(_TIMEOUT)
        if given is not None and not _is_deferred(source, call):
            yield from _found(source, given, given, f"{_TIMEOUT} of {call.last_name}")
    for entry in source.default_args.items:
        if entry.name == _TIMEOUT:
            yield from _found(source, entry.node, entry.value, f"{_TIMEOUT} in default_args")
    for sensor in poking_sensors(source):
        given = sensor.call.arguments.get("timeout")
        if given is not None:
            yield from _found(source, given, given, f"timeout of {sensor.name}, which is in poke mode,")


def _is_deferred(source: Source, call: Call) -> bool:
    """Whether the task waits without a worker, so that its limit is none of a worker's."""
    deferrable = source.task_argument(call, "deferrable")
    mode = source.constant(source.task_argument(call, "mode"))
    is_deferrable = deferrable is not None and source.constant(deferrable) is not False
    return is_deferrable or mode == "reschedule" or call.last_name.endswith("Async")


def _found(source: Source, node: ast.expr, given: ast.expr, which: str) -> Iterator[Finding]:
    limit_s = source.seconds(given)
    if limit_s is not None and limit_s > TASK_LIMIT_S:
        what = f"{which} is {in_words(limit_s)}; on MWAA a task may last {in_words(TASK_LIMIT_S)}"
        way = (
            "with deferrable=True" if source.release.triggerer_argv is not None else 'by a sensor of mode="reschedule"'
        )
        hint = f"make it shorter; let ECS, EKS, Batch or Glue do longer work, and wait for it {way}"
        yield at(source, node, ID, WARNING, what, WHY, hint)


RULE = DagRule(
    id=ID,
    severity=WARNING,
    meaning="A task may take more than the 12 hours that MWAA gives it.",
    why=WHY,
    bad="""\
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("copy", schedule="@weekly", start_date=datetime(2024, 1, 1), catchup=False):
    BashOperator(task_id="copy", bash_command="make copy", execution_timeout=timedelta(days=1))
""",
    good="""\
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("copy", schedule="@weekly", start_date=datetime(2024, 1, 1), catchup=False):
    BashOperator(task_id="copy", bash_command="make copy", execution_timeout=timedelta(hours=12))
""",
    find=find,
)
