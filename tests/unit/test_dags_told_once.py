"""What Airflow says at the import and what ruff says of the source is told once, with all of it."""

from __future__ import annotations

import pytest

from mwaa_local.check.dags.told_once import told_once
from mwaa_local.check.finding import ERROR, NOTE, WARNING, Finding

DEPRECATED = "Airflow calls this deprecated"


def ruff(subject: str, line: int = 9, path: str = "dags/a.py", hint: str = "do that") -> Finding:
    return Finding("ruff-AIR311", NOTE, path, line, f"`{subject}` is deprecated since Airflow 3.0", "why", hint)


def failure(said: str, line: int = 2, path: str = "dags/a.py") -> Finding:
    return Finding("dag-import-error", ERROR, path, line, f"import error: {said}", "trace", "look around")


def deprecated(said: str, line: int = 2, path: str = "dags/a.py") -> Finding:
    return Finding("airflow-deprecation", NOTE, path, line, DEPRECATED, said)


@pytest.mark.parametrize(
    ("said", "subject", "line"),
    [
        ("ModuleNotFoundError: No module named 'airflow.datasets'", "airflow.datasets.Dataset", 9),
        (
            "ImportError: cannot import name 'days_ago' from 'airflow.utils.dates' (/x.py)",
            "airflow.utils.dates.days_ago",
            9,
        ),
        ("TypeError: DAG.__init__() got an unexpected keyword argument 'default_view'", "default_view", 2),
    ],
)
def test_import_error_goes_before_ruffs_and_takes_its_hint(said: str, subject: str, line: int) -> None:
    other = ruff("airflow.models.Variable")
    [error, left] = told_once([failure(said), ruff(subject, line), other])
    assert (error.rule, error.hint, left) == ("dag-import-error", "do that", other)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("ModuleNotFoundError: No module named 'airflow.datasets'", ruff("airflow.datasets_more.Dataset")),
        ("ModuleNotFoundError: No module named 'airflow.datasets'", ruff("airflow.datasets.Dataset", path="dags/b.py")),
        ("ImportError: cannot import name 'a' from 'airflow.utils.dates'", ruff("airflow.utils.dates.days_ago")),
        ("TypeError: DAG.__init__() got an unexpected keyword argument 'default_view'", ruff("default_view", line=3)),
        ("ValueError: no", ruff("airflow.datasets.Dataset")),
    ],
)
def test_import_error_on_something_else_leaves_ruffs(said: str, found: Finding) -> None:
    findings = [failure(said), found]
    assert told_once(findings) == findings


@pytest.mark.parametrize(
    ("said", "subject"),
    [
        (
            "The `airflow.operators.bash.BashOperator` attribute is deprecated. Please use `'x.Y'`.",
            "airflow.operators.bash.BashOperator",
        ),
        (
            "Import 'Dataset' directly from the airflow module is deprecated. Use 'airflow.sdk.Asset'.",
            "airflow.Dataset",
        ),
        (
            "airflow.exceptions.AirflowSkipException is deprecated. Use airflow.sdk.exceptions.X.",
            "airflow.exceptions.AirflowSkipException",
        ),
    ],
)
def test_airflows_words_go_into_ruffs_finding(said: str, subject: str) -> None:
    [found] = told_once([deprecated(said), ruff(subject)])
    assert (found.rule, found.line, found.why) == ("ruff-AIR311", 9, f"why\nAirflow says: {said}")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        # What is to be used instead is no subject.
        ("The `airflow.old.A` attribute is deprecated. Please use `'airflow.models.B'`.", ruff("airflow.models.B")),
        ("The `airflow.old.A` attribute is deprecated.", ruff("airflow.old.A", path="dags/b.py")),
        ("Passing 'sla' is deprecated.", ruff("sla", line=3)),
        ("This is deprecated.", ruff("airflow.old.A")),
    ],
)
def test_airflows_words_on_something_else_stay_a_finding(said: str, found: Finding) -> None:
    findings = [deprecated(said), found]
    assert told_once(findings) == findings


def test_argument_is_told_once_where_both_name_its_line() -> None:
    [found] = told_once([deprecated("Passing 'sla' is deprecated.", line=3), ruff("sla", line=3)])
    assert found.why == "why\nAirflow says: Passing 'sla' is deprecated."


def test_findings_of_other_rules_are_left_alone() -> None:
    findings = [Finding("queue-not-of-mwaa", WARNING, "dags/a.py", 2, "`airflow.datasets.Dataset`"), failure("x")]
    assert told_once(findings) == findings
