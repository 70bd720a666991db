"""queue-not-of-mwaa: tasks sent to a queue that the environment does not have."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mwaa_local.check.dags.rule import DagRule, at
from mwaa_local.check.dags.source import Source
from mwaa_local.check.dags.values import UNKNOWN
from mwaa_local.finding import ERROR, Finding

ID = "queue-not-of-mwaa"
WHY = (
    "An MWAA environment has one SQS queue, with a name that MWAA chooses. Sending a task to any other queue fails, "
    "and so does the task, without a log (MWAA user guide, troubleshooting of CloudWatch Logs)."
)
HINT = "remove queue=; to keep tasks from crowding out others, give them a pool"
# Names that MWAA makes begin so (MWAA user guide, "Amazon MWAA execution role").
_MWAA_PREFIX = "airflow-celery-"
_QUEUE = "queue"
_OWN_MEANING = ("Livy",)  # operators whose `queue` is another system's
_NEVER_SENT = frozenset(("DummyOperator", "EmptyOperator"))  # no worker ever runs them


def find(source: Source) -> Iterator[Finding]:
    """Yield tasks and default_args that name a queue."""
    for call in source.tasks:
        if not call.last_name.startswith(_OWN_MEANING) and call.last_name not in _NEVER_SENT:
            given = call.arguments.get(_QUEUE)
            if given is not None:
                yield from _found(source, given, given, call.last_name)
    for entry in source.default_args.items:
        if entry.name == _QUEUE:
            yield from _found(source, entry.node, entry.value, "default_args")


def _found(source: Source, node: ast.expr, given: ast.expr, where: str) -> Iterator[Finding]:
    name = source.string(given)
    # A list is of another system's queues: Airflow takes one name only.
    if name is None or name == "" or UNKNOWN in name or name.startswith(_MWAA_PREFIX):
        return
    if name in source.release.queue_aliases:
        return
    yield at(source, node, ID, ERROR, f"{where} sends tasks to the queue {name!r}, which MWAA does not have", WHY, HINT)


RULE = DagRule(
    id=ID,
    severity=ERROR,
    meaning="`queue=` names a queue that the environment does not have.",
    why=WHY,
    bad="""\
from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("train", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    BashOperator(task_id="fit", bash_command="python fit.py", queue="gpu")
""",
    good="""\
from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("train", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    BashOperator(task_id="fit", bash_command="python fit.py", pool="heavy")
""",
    find=find,
)
