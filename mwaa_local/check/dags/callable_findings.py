"""What is wrong with the Python code of tasks: findings. Pure."""

from __future__ import annotations

from mwaa_local.check.dags.import_results import TaskFact
from mwaa_local.check.dags.template_names import (
    BETWEEN,
    NEW_GENERATION,
    REMOVED,
    RENAMED_IN_3,
    first_release,
    name_instead,
    new_name,
)
from mwaa_local.finding import ERROR, WARNING, Finding
from mwaa_local.release import Release

LACKING, LACKING_DATE = "lacking", "lacking-date"  # kinds of facts, of `import_callables`
KINDS = (LACKING, LACKING_DATE)
ARGUMENT, MEMBER, NONE, CALLBACK = "argument", "member", "none", "callback"  # what a use is, as it says it
RULE = "context-name-missing"
MEANINGS = {RULE: "the Python code of a task needs a name that its context does not have; a warning in a callback"}
ASSET_HINT = 'use dag_run.run_after, as in context["dag_run"].run_after'
# What code can write where a template has a filter or `macros`.
_DAY = 'the day before or after context["ds"]'
IN_CODE = {
    "next_ds": 'context["data_interval_end"]',
    "next_ds_nodash": 'context["data_interval_end"]',
    "tomorrow_ds": _DAY,
    "tomorrow_ds_nodash": _DAY,
    "yesterday_ds": _DAY,
    "yesterday_ds_nodash": _DAY,
}


def callable_finding(fact: TaskFact, tasks: str, release: Release) -> Finding:
    """Return the finding on one use of a name in a function; `tasks` names the tasks that call it."""
    name = fact.what
    is_callback = fact.detail == CALLBACK
    where = f"{fact.field} of {tasks}"
    if fact.kind == LACKING_DATE:
        what = f"{where} needs {name}, which runs that assets trigger do not have"
        origin = f"In Airflow 3 these have no logical date, and tasks no {name}."
    elif fact.detail == ARGUMENT and not _is_known(name):
        what = f"{where} has an argument that nothing gives: {name}"
        origin = "Airflow gives what op_args and op_kwargs have, and the names of the task's context."
    else:
        what = f"{where} needs {name}, which Airflow {release.airflow_version} does not give"
        origin = _origin(name, release)
    why = f"{origin} {_outcome(fact)}"
    return Finding(RULE, WARNING if is_callback else ERROR, fact.file, fact.file_line, what, why, _hint(fact, release))


def _is_known(name: str) -> bool:
    """Whether any release gives the name."""
    return name in REMOVED or name in RENAMED_IN_3 or name in BETWEEN


def _origin(name: str, release: Release) -> str:
    since = first_release(name, release)
    if since:
        return f"Airflow has it from {since} on."
    return "Airflow 3 removed it." if release.generation == NEW_GENERATION else "It is not in the context of tasks."


def _outcome(fact: TaskFact) -> str:
    if fact.detail == ARGUMENT:
        return f"The task fails with a TypeError: missing argument {fact.what}."
    if fact.detail == NONE:
        return f"{fact.what} is None, and the task fails where it is used."
    if fact.detail == CALLBACK:
        return "The callback fails on this line and does no more; only the task's log tells."
    return f"The task fails on this line with {'an AttributeError' if '.' in fact.what else 'a KeyError'}."


def _hint(fact: TaskFact, release: Release) -> str:
    name = fact.what
    if fact.kind == LACKING_DATE:
        return ASSET_HINT
    if fact.detail == ARGUMENT and not _is_known(name):
        return "give it in op_kwargs, or give it a default; to get the whole context, write **context"
    if release.generation == NEW_GENERATION:
        new = IN_CODE.get(name) or new_name(name)
        return f"use {new}" if new else "do without it: nothing has taken its place"
    other = name_instead(name, release)
    return f"use {other}" if other else "do without it in this release"
