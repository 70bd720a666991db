"""variable-at-top-level: Variables and Connections fetched each time the file is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mwaa_local.check.dags import template_names
from mwaa_local.check.dags.rule import DagRule, at
from mwaa_local.check.dags.source import Call, Source
from mwaa_local.check.dags.values import UNKNOWN
from mwaa_local.finding import NOTE, WARNING, Finding

ID = "variable-at-top-level"
WHY = (
    "Code outside of tasks runs each time the file is loaded, about every 30 s on MWAA, and again before each task. "
    "Each time it queries the metadata database, or makes a paid call of Secrets Manager with that backend."
)
_VARIABLE = re.compile(r"airflow\.(?:[\w.]+\.)?Variable\.(?:get|set|update|delete)")
_CONNECTION = re.compile(
    r"airflow\.(?:[\w.]+\.)?(?:BaseHook(?:\(\))?\.get_connections?|Connection\.get(?:_connection_from_secrets)?)"
)
# Other hooks: what is asked of them goes to their own service, with a Connection that is fetched first.
_HOOK = re.compile(r"airflow\.[\w.]+Hook\(\)\.get_\w+")
WHY_HOOK = (
    "Code outside of tasks runs each time the file is loaded, about every 30 s on MWAA, and again before each task. "
    "Each time the hook fetches its Connection and asks its service, and the file's DAGs disappear if that fails."
)
REFUSING_GENERATION = "3.x"  # its DAG files have no access to the metadata database
_SESSION = re.compile(r"airflow\.(?:settings\.Session|utils\.session\.create_session)")


def find(source: Source) -> Iterator[Finding]:
    """Yield fetches outside of what runs as a task."""
    for call in source.calls:
        remark = _remark(source, call)
        if remark and source.runs_at_parse(call.node):
            severity, what, hint = remark
            is_of_service = _HOOK.fullmatch(call.name) and not _CONNECTION.fullmatch(call.name)
            yield at(source, call.node, ID, severity, what, WHY_HOOK if is_of_service else WHY, hint)


def _remark(source: Source, call: Call) -> tuple[str, str, str] | None:
    """Return severity, what and hint for a call that asks database or secrets backend."""
    short = ".".join(call.name.split(".")[-2:])
    when = "is called each time the file is loaded"
    if _VARIABLE.fullmatch(call.name):
        name = source.string(call.argument("key", 0))
        shown = f"{short}({name!r})" if name and name.isprintable() else f"{short}()"
        json = call.argument("deserialize_json")
        kind = "json" if json is not None and source.constant(json) is True else "value"
        hint = f"in templated arguments write {_template(f'var.{kind}', name)}; else call it within the task"
        return NOTE, f"{shown} {when}", hint
    if _CONNECTION.fullmatch(call.name):
        template = _template("conn", source.string(call.argument("conn_id", 0)), ".host")
        in_templates = f"; in templated arguments write {template}" if _has_conn(source) else ""
        return NOTE, f"{short}() {when}", f"call it within the task{in_templates}"
    if _HOOK.fullmatch(call.name):
        return WARNING, f"{short}() {when}", "call it within the task"
    # Airflow 3 refuses it, which the import of the file shows.
    if _SESSION.fullmatch(call.name) and source.release.generation != REFUSING_GENERATION:
        return (
            WARNING,
            f"{short}() {when}, and opens the database",
            "leave the database to tasks, or to Airflow's REST API",
        )
    return None


def _template(accessor: str, name: str | None, member: str = "") -> str:
    """Return what gives the value in a template; with NAME if the name is not known."""
    if not name or not name.isprintable() or UNKNOWN in name or "'" in name:
        name = "NAME"
    got = f"{accessor}.{name}" if name.isidentifier() else f"{accessor}.get('{name}')"
    return f"{{{{ {got}{member} }}}}"


def _has_conn(source: Source) -> bool:
    return "conn" in template_names.context(source.release)


RULE = DagRule(
    id=ID,
    severity=WARNING,
    meaning="A Variable, a Connection or the database is read whenever the file is loaded.",
    why=WHY,
    bad="""\
from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Variable

BUCKET = Variable.get("bucket")

with DAG("copy", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    BashOperator(task_id="copy", bash_command=f"aws s3 ls s3://{BUCKET}/")
""",
    good="""\
from datetime import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Variable, task

with DAG("copy", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    BashOperator(task_id="copy", bash_command="aws s3 ls s3://{{ var.value.bucket }}/")

    @task
    def show():
        print(Variable.get("bucket"))

    show()
""",
    find=find,
)
