"""dag-argument-in-default-args: settings of the DAG put where only tasks look."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mwaa_local.check.dags.rule import DagRule, at
from mwaa_local.check.dags.source import DEFAULT_ARGS, Source
from mwaa_local.check.dags.values import Entry
from mwaa_local.finding import WARNING, Finding

ID = "dag-argument-in-default-args"
_WHY = (
    "default_args are given to operators, and each takes the arguments that it knows ({}). No operator knows this one, "
    "so it is dropped silently."
)
_OPERATORS = {"2.x": "airflow.models.baseoperator", "3.x": "airflow.sdk.bases.operator"}
WHY = _WHY.format(", ".join(_OPERATORS.values()))
_SCHEDULE = frozenset(("schedule", "schedule_interval", "timetable"))
# Arguments of DAG that no operator has. `params`, `start_date`, `end_date`, `doc_md`, callbacks and, in Airflow 3,
# `render_template_as_native_obj` are of both.
_ARGUMENTS = _SCHEDULE | {
    "access_control",
    "auto_register",
    "catchup",
    "concurrency",
    "dag_display_name",
    "dag_id",
    "dagrun_timeout",
    "default_view",
    "fail_fast",
    "fail_stop",
    "is_paused_upon_creation",
    "jinja_environment_kwargs",
    "max_active_runs",
    "max_active_tasks",
    "max_consecutive_failed_dag_runs",
    "orientation",
    "owner_links",
    "sla_miss_callback",
    "tags",
    "template_searchpath",
    "user_defined_filters",
    "user_defined_macros",
}


def find(source: Source) -> Iterator[Finding]:
    """Yield entries of default_args that Airflow takes only as arguments of the DAG itself."""
    read = _read_keys(source)
    for entry in source.default_args.items:
        if entry.name in _ARGUMENTS and entry.name not in read and not _may_be_of_a_task(source, entry):
            what = f"{entry.name} in default_args has no effect{_outcome(source, entry.name)}"
            why = _WHY.format(_OPERATORS["3.x" if source.release.generation == "3.x" else "2.x"])
            yield at(source, entry.node, ID, WARNING, what, why, _hint(source, entry.name))


def _hint(source: Source, name: str) -> str:
    # Airflow 2.2 renamed the argument.
    now = "max_active_tasks" if name == "concurrency" and source.release.is_at_least("2.2.0") else name
    return f"give it to the DAG itself: DAG(…, {now}=…), or @dag({now}=…)"


def _outcome(source: Source, name: str) -> str:
    """Return what becomes of the DAG, unless it also has the argument where it belongs."""
    # Without a schedule, Airflow 2 runs a DAG daily and Airflow 3 only when it is triggered.
    is_new = source.release.generation == "3.x"
    if name in _SCHEDULE and not _is_given(source, _SCHEDULE):
        return ": the DAG has no schedule and only runs when triggered" if is_new else ": the DAG runs daily"
    if name == "catchup" and not _is_given(source, {name}):
        return (
            ": without it, Airflow 3 does not catch up on past runs"
            if is_new
            else ": without it, Airflow 2 runs the DAG for every interval since its start_date"
        )
    return ""


def _is_given(source: Source, names: frozenset[str] | set[str]) -> bool:
    makers = (call for call in source.calls if call.last_name in ("DAG", "dag"))
    return any(names & set(call.arguments) or call.is_open for call in makers)


def _may_be_of_a_task(source: Source, entry: Entry) -> bool:
    """Whether the entry may be an argument that an operator of AWS has under the same name: tags are dicts there."""
    value = source.resolve(entry.value)
    first = source.resolve(value.elts[0]) if isinstance(value, ast.List | ast.Tuple) and value.elts else value
    return entry.name in ("tags", "schedule") and isinstance(first, ast.Dict | ast.DictComp)


def _read_keys(source: Source) -> set[str]:
    """Return the keys that the file takes out of default_args again, as `schedule=default_args["schedule"]` does."""
    keys: set[str | None] = set()
    for node in source.nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _is_default_args(node.value):
            keys.add(source.string(node.slice))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if node.func.attr in ("get", "pop") and _is_default_args(node.func.value):
                keys.add(source.string(node.args[0]))
        elif isinstance(node, ast.keyword) and node.arg is None and _is_default_args(node.value):
            return set(_ARGUMENTS)  # DAG(**default_args)
    return {key for key in keys if key}


def _is_default_args(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and DEFAULT_ARGS in node.id


RULE = DagRule(
    id=ID,
    severity=WARNING,
    meaning="An argument of the DAG is in `default_args`, where Airflow ignores it.",
    why=WHY,
    bad="""\
from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

default_args = {
    "owner": "data",
    "schedule": "0 6 * * 1",
}

with DAG("weekly", default_args=default_args, start_date=datetime(2024, 1, 1)):
    BashOperator(task_id="run", bash_command="echo weekly")
""",
    good="""\
from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

default_args = {"owner": "data", "retries": 2}

with DAG("weekly", default_args=default_args, schedule="0 6 * * 1", start_date=datetime(2024, 1, 1)):
    BashOperator(task_id="run", bash_command="echo weekly")
""",
    find=find,
)
