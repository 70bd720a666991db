"""What is said of names that the code of a task needs and does not get."""

from __future__ import annotations

import pytest

from mwaa_local.check.dags.callable_findings import callable_finding
from mwaa_local.check.dags.import_results import TaskFact
from mwaa_local.check.dags.template_names import absent
from mwaa_local.finding import ERROR, WARNING, Finding
from mwaa_local.release import Release


def found(kind: str, what: str, detail: str, version: str = "3.3.1") -> Finding:
    made = ("d", "t", "PythonOperator", "python_callable", "dags/a.py", 9)
    fact = TaskFact(kind, what, True, *made, "dags/b.py", 4, detail)
    return callable_finding(fact, "task t", Release.load(version))


@pytest.mark.parametrize(
    ("kind", "what", "detail", "version", "severity", "says"),
    [
        ("lacking", "execution_date", "member", "3.3.1", ERROR, ("Airflow 3 removed it", "KeyError", "logical_date")),
        ("lacking", "execution_date", "argument", "3.3.1", ERROR, ("TypeError: missing argument execution_date",)),
        ("lacking", "ti.execution_date", "member", "3.3.1", ERROR, ("AttributeError", "logical_date")),
        ("lacking", "triggering_dataset_events", "none", "3.3.1", ERROR, ("is None", "triggering_asset_events")),
        ("lacking", "prev_ds", "callback", "3.3.1", WARNING, ("The callback fails", "nothing has taken its place")),
        ("lacking", "next_ds", "member", "3.3.1", ERROR, ('use context["data_interval_end"]',)),
        ("lacking", "table", "argument", "2.10.3", ERROR, ("nothing gives: table", "op_kwargs")),
        ("lacking", "partition_key", "member", "3.2.1", ERROR, ("from 3.3.1 on",)),
        ("lacking", "triggering_asset_events", "member", "2.10.3", ERROR, ("use triggering_dataset_events",)),
        ("lacking-date", "ds", "member", "3.3.1", ERROR, ("runs that assets trigger", "dag_run.run_after")),
    ],
)
def test_finding_says_why_the_name_is_missing_and_what_to_use(
    kind: str, what: str, detail: str, version: str, severity: str, says: tuple[str, ...]
) -> None:
    finding = found(kind, what, detail, version)
    text = f"{finding.what} {finding.why} {finding.hint}"
    assert (finding.rule, finding.severity, finding.path, finding.line) == (
        "context-name-missing",
        severity,
        "dags/b.py",
        4,
    )
    assert [part for part in says if part not in text] == []


def test_names_that_a_release_gives_are_not_absent_there() -> None:
    assert absent(Release.load("1.10.12")) == []
    assert "execution_date" not in absent(Release.load("2.10.3"))
    assert "ti.execution_date" not in absent(Release.load("2.10.3"))
    assert {"execution_date", "ti.execution_date", "triggering_dataset_events"} <= set(absent(Release.load("3.0.6")))
