"""DAGs that are to run at the end of an upgrade, and that the new release may not have."""

from __future__ import annotations

import pytest

from mwaa_local.check.part import FAILED, FOUND, OK, SKIPPED, UNCHECKED, Part, not_checked
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding
from mwaa_local.release import Release
from mwaa_local.upgrade.wanted_runs import UNKNOWN_RUN, with_runs

NEW = Release.load("3.3.1")
ALL = Part("dags", dag_ids=("audit", "daily_load", "daily_sales"), has_all_dags=True)
SOME = Part("dags", dag_ids=("daily_load",), has_all_dags=False)


def test_known_dags_add_nothing() -> None:
    assert with_runs(ALL, ("daily_load", "audit"), NEW) is ALL
    assert with_runs(ALL, (), NEW) is ALL
    assert with_runs(SOME, ("daily_load",), NEW) is SOME


def test_unknown_one_is_an_error_that_names_those_that_exist_the_nearest_first() -> None:
    part = with_runs(ALL, ("daily_lod", "daily_lod"), NEW)
    [found] = part.findings
    assert (part.outcome, found.rule, found.severity) == (FAILED, UNKNOWN_RUN, ERROR)
    assert found.what == "no DAG 'daily_lod' with Airflow 3.3.1, so --run cannot run it"
    assert found.why == "DAGs that exist: daily_load, daily_sales, audit."
    assert found.hint == "did you mean 'daily_load'?"


def test_unknown_one_like_none_is_told_what_to_do_all_the_same() -> None:
    [found] = with_runs(ALL, ("zzz",), NEW).findings
    assert found.hint == "name a DAG that exists with --run"


def test_unknown_one_where_more_dags_may_come_about_is_a_warning() -> None:
    part = with_runs(SOME, ("made_from_variable",), NEW)
    [found] = part.findings
    assert (part.outcome, found.severity) == (FOUND, WARNING)
    assert "cannot tell whether there is a DAG 'made_from_variable'" in found.what
    assert "mwaa-local check dags" in found.hint


def test_folder_that_is_not_there_has_no_dag() -> None:
    missing = Part("dags", skipped="there is no dags folder", has_all_dags=True)
    part = with_runs(missing, ("any",), NEW)
    assert (missing.outcome, part.outcome, part.summary) == (SKIPPED, FAILED, "there is no dags folder")
    assert part.findings[0].why == "DAGs that exist: none."


@pytest.mark.parametrize(
    "part",
    [
        Part("dags", (not_checked("dags", "no packages", "offline", "go online"),)),
        Part("dags", skipped="Airflow does not start with this option: see options"),
    ],
    ids=[UNCHECKED, SKIPPED],
)
def test_nothing_is_said_where_no_dag_was_looked_at(part: Part) -> None:
    assert with_runs(part, ("any",), NEW) is part


def test_other_findings_stay() -> None:
    note = Finding("missing-variable", NOTE, "dags/a.py", 3, "Variable a is not known here")
    part = with_runs(Part("dags", (note,), dag_ids=("a",)), ("b",), NEW)
    assert [item.rule for item in part.findings] == [UNKNOWN_RUN, "missing-variable"]
    assert with_runs(part, ("a",), NEW).outcome != OK
