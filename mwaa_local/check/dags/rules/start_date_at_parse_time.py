"""start-date-at-parse-time: a start_date that moves each time the file is loaded."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mwaa_local.check.dags.rule import DagRule, at
from mwaa_local.check.dags.source import Source
from mwaa_local.finding import WARNING, Finding

ID = "start-date-at-parse-time"
WHY = (
    "The file is loaded about every 30 s, and start_date changes each time. A run comes at the end of its first "
    "interval after start_date: when that moves along, the end may never come and the DAG never run."
)
WHY_VERSIONS = " On Airflow 3 each load also makes a new version of the DAG in the database."
HINT = 'write a fixed date: datetime(2024, 1, 1), or pendulum.datetime(2024, 1, 1, tz="UTC")'
_CLOCKS = frozenset(
    (
        "airflow.sdk.timezone.utcnow",
        "airflow.utils.dates.days_ago",
        "airflow.utils.timezone.utcnow",
        "datetime.date.today",
        "datetime.datetime.now",
        "datetime.datetime.today",
        "datetime.datetime.utcnow",
        "pendulum.DateTime.now",
        "pendulum.DateTime.utcnow",
        "pendulum.now",
        "pendulum.today",
        "pendulum.tomorrow",
        "pendulum.utcnow",
        "pendulum.yesterday",
        "time.time",
    )
)
_START_DATE = "start_date"


def find(source: Source) -> Iterator[Finding]:
    """Yield start dates that are reckoned from the time at which the file is loaded."""
    for call in source.calls:
        given = call.arguments.get(_START_DATE)
        is_dag = call.last_name in ("DAG", "dag")
        if given is not None and (is_dag or call in source.tasks) and source.runs_at_parse(call.node):
            yield from _found(source, given, given, call.last_name)
    for entry in source.default_args.items:
        if entry.name == _START_DATE:
            yield from _found(source, entry.node, entry.value, "default_args")


def _found(source: Source, node: ast.expr, given: ast.expr, where: str) -> Iterator[Finding]:
    clock = next(_clocks(source, given), "")
    if clock:
        # Only Airflow 3 keeps versions of a DAG.
        why = WHY + WHY_VERSIONS if source.release.generation == "3.x" else WHY
        yield at(source, node, ID, WARNING, f"start_date of {where} is computed with {clock}()", why, HINT)


def _clocks(source: Source, given: ast.expr) -> Iterator[str]:
    """Yield the functions in an expression that tell the time, following names."""
    waiting: list[ast.AST] = [given]
    for _ in range(len(source.nodes)):  # names may lead in circles
        if not waiting:
            return
        node = waiting.pop()
        if isinstance(node, ast.Call) and (name := source.full_name(node.func)) in _CLOCKS:
            yield ".".join(name.split(".")[-2:])
        resolved = source.resolve(node) if isinstance(node, ast.expr) else node
        waiting += [resolved] if resolved is not node else list(ast.iter_child_nodes(node))


RULE = DagRule(
    id=ID,
    severity=WARNING,
    meaning="`start_date` is computed from the current time.",
    why=WHY + WHY_VERSIONS,
    bad="""\
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("hourly", schedule="@hourly", start_date=datetime.now() - timedelta(days=1), catchup=False):
    BashOperator(task_id="run", bash_command="echo hour")
""",
    good="""\
from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("hourly", schedule="@hourly", start_date=datetime(2024, 1, 1), catchup=False):
    BashOperator(task_id="run", bash_command="echo hour")
""",
    find=find,
)
