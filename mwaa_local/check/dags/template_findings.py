"""What is wrong with the templates of tasks: findings. Pure."""

from __future__ import annotations

from mwaa_local.check.dags.import_results import TaskFact
from mwaa_local.check.dags.task_places import TaskPlaces
from mwaa_local.check.dags.template_names import (
    NEW_GENERATION,
    NOT_IN_TEMPLATES,
    first_release,
    name_instead,
    near_name,
    new_name,
)
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding
from mwaa_local.release import Release

UNDEFINED, WATCHED, SYNTAX, NO_FILE, NO_DATE = "undefined", "watched", "syntax", "no-file", "no-date"
MEANINGS = {
    "template-name-undefined": "a template uses a name that Airflow does not know when it renders it",
    "template-name-removed": "a template uses a name that Airflow 3 removed; before Airflow 3, a note",
    "template-syntax": "a template cannot be read by Jinja",
    "template-file-missing": "a template file is not where Airflow looks for it",
}
FAILS = "Airflow renders templates when a task starts, and the task fails then."
# What becomes of a name that has no value, as `import_templates` says it: nothing fails, or the task perhaps.
RENDERS, MAY_FAIL = "renders", "may-fail"
MAY = "Airflow renders templates when a task starts; where it needs the name's value, the task fails."
WITHOUT_VALUE = "Nothing fails there, but the name never has a value."
PROJECT_FOLDERS = ("dags", "plugins")  # what is in them is what MWAA gets
LITERAL_SINCE = "2.8.0"  # airflow.utils.template.literal
MAX_SHOWN = 60  # characters of a template in a headline
MEANT_ELSEWHERE = {  # what people write for it
    "Connection": "conn.NAME",
    "Variable": "var.value.NAME",
    "dag_id": "dag.dag_id",
    "dag_run_id": "run_id",
    "task_id": "task.task_id",
    "try_number": "ti.try_number",
    "xcom_pull": "ti.xcom_pull",
}


MEMBER_HINTS = {
    "ds": "write macros.ds_add(ds, 1) for another day: ds is text",
    "macros": "put it into user_defined_macros, or let a plugin register it and write macros.PLUGIN.NAME",
    "var": "write var.value.NAME, or var.json.NAME for JSON",
}


def template_finding(
    fact: TaskFact, tasks: str, release: Release, places: TaskPlaces, *, of_placeholder: bool = False, brought: str = ""
) -> Finding:
    """Return the finding on one template; `tasks` names the tasks that have it.

    `of_placeholder`: its text may come from a Variable that is not known here, and be another one on MWAA.
    `brought`: what says that its file may come from elsewhere; see `template_files`.
    """
    judge = {UNDEFINED: _undefined, WATCHED: _removed, SYNTAX: _syntax, NO_FILE: _no_file, NO_DATE: _no_date}[fact.kind]
    rule, severity, what, why, hint = judge(fact, f"{fact.field} of {tasks}", release)
    if brought:
        why = f"{why} {brought}: make sure that it is there when MWAA gets the folder."
    severity = WARNING if (of_placeholder or brought) and severity == ERROR else severity
    if fact.file:
        return Finding(rule, severity, fact.file, fact.file_line, what, why, hint)
    line = places.line(fact.path, fact.line, fact.field, word_of(fact))
    return Finding(rule, severity, fact.path, line, what, why, hint)


def word_of(fact: TaskFact) -> str:
    """Return the name that a fact is about, which its line has; "" where it is about no name."""
    return fact.what if fact.kind in (UNDEFINED, WATCHED, NO_DATE) else ""


def _undefined(fact: TaskFact, where: str, release: Release) -> tuple[str, str, str, str, str]:
    name = fact.what
    since = first_release(name, release)
    later = f" Templates have it from Airflow {since} on." if since else ""
    severity = ERROR if fact.certain else WARNING
    what = f"{name} in {where} is not defined"
    return "template-name-undefined", severity, what, _outcome(fact, release) + later, _name_hint(fact, release)


def _outcome(fact: TaskFact, release: Release) -> str:
    """Return what Airflow makes of a name without a value."""
    if fact.detail == RENDERS:
        return WITHOUT_VALUE if release.is_at_least("2.0.0") else "Airflow 1.10 renders such a name as nothing."
    return MAY if fact.detail == MAY_FAIL else FAILS


def _name_hint(fact: TaskFact, release: Release) -> str:
    name = fact.what
    known = name_instead(name, release) or MEANT_ELSEWHERE.get(name) or fact.instead
    if known:
        return f"write {known}"
    owner, _, member = name.partition(".")
    if member:
        return MEMBER_HINTS.get(owner, f"use what Python has for text: {owner} is no date")
    if name in NOT_IN_TEMPLATES:
        return NOT_IN_TEMPLATES[name]
    if first_release(name, release):
        return "compute the value in a Python task and hand it on by XCom, or define the name in user_defined_macros"
    near = near_name(name, release)
    other = (
        f"write params.{name} and give params, write var.value.{name} for an Airflow Variable, or define it in "
        "user_defined_macros; put text for another program between {% raw %} and {% endraw %}"
    )
    return f"write {near} if it is a misspelling; else {other}" if near else other


def _no_date(fact: TaskFact, where: str, release: Release) -> tuple[str, str, str, str, str]:
    what = f"{fact.what} in {where} is not defined in runs that assets trigger"
    why = f"In Airflow 3 these have no logical date, and templates no {fact.what}. {_outcome(fact, release)}"
    hint = "write dag_run.run_after, as in {{ dag_run.run_after | ds }}"
    return "template-name-undefined", ERROR if fact.certain else WARNING, what, why, hint


def _removed(fact: TaskFact, where: str, release: Release) -> tuple[str, str, str, str, str]:
    new = new_name(fact.what)
    hint = f"write {new}" if new else "remove it: nothing has taken its place"
    rule = "template-name-removed"
    if release.generation == NEW_GENERATION:
        severity = ERROR if fact.certain else WARNING
        what = f"{fact.what} in {where}: Airflow 3 has no such name"
        return rule, severity, what, _outcome(fact, release), hint
    what = f"{fact.what} in {where}: Airflow 3 no longer has this name"
    return rule, NOTE, what, f"With Airflow {release.airflow_version} it still works.", hint


def _syntax(fact: TaskFact, where: str, _release: Release) -> tuple[str, str, str, str, str]:
    hint = "correct it; put text for another program between {% raw %} and {% endraw %}"
    return "template-syntax", ERROR, f"the template in {where} cannot be read: {fact.what}", FAILS, hint


def _no_file(fact: TaskFact, where: str, release: Release) -> tuple[str, str, str, str, str]:
    text = " ".join(fact.what.split())
    shown = text if len(text) <= MAX_SHOWN else f"…{text[-MAX_SHOWN:]}"
    folders = fact.detail.splitlines()
    is_surely_missing = fact.certain and all(folder.split("/")[0] in PROJECT_FOLDERS for folder in folders)
    what = f"{where} names a template file that is not there: {shown}"
    ending = f".{text.rpartition('.')[2]}"
    why = (
        f"Airflow takes a text that ends in {ending} for a file, and looks for it only below {' and '.join(folders)}. "
        "When the task starts, it fails: TemplateNotFound."
    )
    is_path = text.startswith(("/", "~", "s3:")) or " " in text
    no_template = "add a blank at the end if it is a command or a path, and no template"
    if fact.field != "bash_command":
        module = "airflow.sdk" if release.generation == NEW_GENERATION else "airflow.utils.template"
        no_template = (
            f"write literal(…), of {module}, if it is no template" if release.is_at_least(LITERAL_SINCE) else ""
        )
    put = f"put the file below {folders[0] if folders else 'dags'}, or its folder into the DAG's template_searchpath"
    parts = [no_template] if is_path and no_template else [put, no_template]
    hint = "; ".join(part for part in parts if part)
    return "template-file-missing", ERROR if is_surely_missing else WARNING, what, why, hint
