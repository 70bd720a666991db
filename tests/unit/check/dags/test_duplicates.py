"""What Airflow says at the import and what ruff says of the source is told once, with all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mwaa_local import finding as kinds
from mwaa_local.check.dags.duplicates import deduplicate
from mwaa_local.finding import ARGUMENT, ERROR, MODULE, NAME, NOTE, UNNAMED, WARNING, Finding, Subject
from mwaa_local.guest.dags import import_subjects

DEPRECATED = "Airflow calls this deprecated"


def ruff(subject: str, line: int = 9, path: str = "dags/a.py", hint: str = "do that") -> Finding:
    what, is_for_later = f"`{subject}` is deprecated since Airflow 3.0", "the upgrade to Airflow 3" in hint
    return Finding("ruff-AIR311", NOTE, path, line, what, "why", hint, (Subject(NAME, subject),), is_for_later)


def failure(said: str, line: int = 2, path: str = "dags/a.py") -> Finding:
    subjects = tuple(Subject(**item) for item in import_subjects.of_error_text(said))
    return Finding("dag-import-error", ERROR, path, line, f"import error: {said}", "trace", "look around", subjects)


def deprecated(said: str, line: int = 2, path: str = "dags/a.py") -> Finding:
    subjects = tuple(Subject(**item) for item in import_subjects.of_warning(said))
    return Finding("airflow-deprecation", NOTE, path, line, DEPRECATED, said, subjects=subjects)


def reworded(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings with all that people are told in words that nobody ever wrote."""
    return [replace(item, what="perdu", why=f"nulle part {number}", hint="") for number, item in enumerate(findings)]


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
        # The line is that of the call of what @dag decorates, ruff's that of the decorator.
        ("TypeError: DAG.__init__() got an unexpected keyword argument 'default_view'", "default_view", 1),
        (
            "TypeError: Invalid arguments were passed to BashOperator (task_id: a). Invalid arguments were: "
            "**kwargs: {'task_concurrency': 3}",
            "task_concurrency",
            2,
        ),
        ("ImportError: cannot import name 'apply_defaults' from 'airflow.utils.decorators'", "apply_defaults", 9),
    ],
)
def test_import_error_goes_before_ruffs_and_takes_its_hint(said: str, subject: str, line: int) -> None:
    other = ruff("airflow.models.Variable")
    [error, left] = deduplicate([failure(said), ruff(subject, line), other])
    assert (error.rule, error.hint, left) == ("dag-import-error", "do that", other)
    kept = deduplicate(reworded([failure(said), ruff(subject, line), other]))
    assert [item.rule for item in kept] == ["dag-import-error", "ruff-AIR311"]
    assert kept[1].subjects == other.subjects


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("ModuleNotFoundError: No module named 'airflow.datasets'", ruff("airflow.datasets_more.Dataset")),
        ("ModuleNotFoundError: No module named 'airflow.datasets'", ruff("airflow.datasets.Dataset", path="dags/b.py")),
        ("ImportError: cannot import name 'a' from 'airflow.utils.dates'", ruff("airflow.utils.dates.days_ago")),
        ("TypeError: DAG.__init__() got an unexpected keyword argument 'default_view'", ruff("orientation", line=2)),
        ("KeyError: 'execution_date'", ruff("execution_date")),
        ("ValueError: no", ruff("airflow.datasets.Dataset")),
    ],
)
def test_import_error_on_something_else_leaves_ruffs(said: str, found: Finding) -> None:
    findings = [failure(said), found]
    assert deduplicate(findings) == findings
    assert deduplicate(reworded(findings)) == reworded(findings)


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
    [found] = deduplicate([deprecated(said), ruff(subject)])
    assert (found.rule, found.line, found.why) == ("ruff-AIR311", 9, f"why\nAirflow says: {said}")
    assert [item.rule for item in deduplicate(reworded([deprecated(said), ruff(subject)]))] == ["ruff-AIR311"]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        # What is to be used instead is no subject.
        ("The `airflow.old.A` attribute is deprecated. Please use `'airflow.models.B'`.", ruff("airflow.models.B")),
        ("The `airflow.old.A` attribute is deprecated.", ruff("airflow.old.A", path="dags/b.py")),
        ("This is deprecated.", ruff("airflow.old.A")),
        ("Function `days_ago` is deprecated.", ruff("airflow.utils.dates.days_ago", line=3)),
        ("This module is deprecated. Please use `airflow.new`.", ruff("airflow.older.A")),
        ("This class is deprecated. Please use `airflow.new.A`.", ruff("airflow.old.A", line=3)),
    ],
)
def test_airflows_words_on_something_else_stay_a_finding(said: str, found: Finding) -> None:
    findings = [deprecated(said), found]
    assert deduplicate(findings) == findings
    assert deduplicate(reworded(findings)) == reworded(findings)


def test_argument_is_reported_once_where_both_name_its_line() -> None:
    [found] = deduplicate([deprecated("Passing 'sla' is deprecated.", line=3), ruff("sla", line=3)])
    assert found.why == "why\nAirflow says: Passing 'sla' is deprecated."


@pytest.mark.parametrize("line", [3, 8])
def test_argument_is_reported_once_for_all_its_lines(line: int) -> None:
    """ruff's remark is one for the file, on its first line."""
    [found] = deduplicate([deprecated("Param `sla` is deprecated.", line=line), ruff("sla", line=3)])
    assert found.why == "why\nAirflow says: Param `sla` is deprecated."


def test_same_words_on_several_lines_are_said_once() -> None:
    notes = [deprecated("Param `sla` is deprecated.", line=line) for line in (3, 4, 5)]
    [found] = deduplicate([*notes, ruff("sla", line=3)])
    assert found.why == "why\nAirflow says: Param `sla` is deprecated."


@pytest.mark.parametrize(
    ("said", "line", "subject"),
    [
        # Airflow 2.2 names neither the module nor the class, so that the line does.
        ("This module is deprecated. Please use `airflow.b`.", "from airflow.a import A", "airflow.a.A"),
        ("This module is deprecated. Please use `airflow.b`.", "    import airflow.a as a", "airflow.a.A"),
        ("This class is deprecated. Please use `airflow.b.B`.", "    A(task_id='x')", "airflow.a.A"),
        ("This decorator is deprecated. All must use apply_default decorator.", "class X(Y):", "apply_defaults"),
        ("Function `days_ago` is deprecated. Use `pendulum.today`.", "days_ago(1)", "airflow.utils.dates.days_ago"),
        (
            "Import 'DAG' directly from the airflow module is deprecated.",
            "from airflow.models.dag import DAG as D",
            "airflow.models.dag.DAG",
        ),
        ("provide_context is deprecated as of 2.0", "X(provide_context=True)", "provide_context"),
    ],
)
def test_line_tells_where_airflow_has_no_name(said: str, line: str, subject: str) -> None:
    findings = [deprecated(said, line=2 if "import" in line else 9), ruff(subject)]
    [found] = deduplicate(findings, lambda _path, _line: line)
    assert found.why == f"why\nAirflow says: {said}"
    assert len(deduplicate(reworded(findings), lambda _path, _line: line)) == 1


@pytest.mark.parametrize("when", ["before", "with"])
def test_advice_for_a_later_release_does_not_mend_an_error_of_this_one(when: str) -> None:
    said = "TypeError: DAG.__init__() got an unexpected keyword argument 'fail_stop'"
    later = ruff("fail_stop", hint=f"{when} the upgrade to Airflow 3: use `fail_fast` instead")
    [error] = deduplicate([failure(said), later])
    assert error.hint == "look around"
    [error] = deduplicate([replace(failure(said), hint=""), later])
    assert error.hint == "remove it: this release does not know it"


def test_findings_of_other_rules_are_left_alone() -> None:
    findings = [Finding("queue-not-of-mwaa", WARNING, "dags/a.py", 2, "`airflow.datasets.Dataset`"), failure("x")]
    assert deduplicate(findings) == findings


def test_finding_without_a_subject_is_nobody_elses_whatever_it_says() -> None:
    findings = [
        replace(failure("ModuleNotFoundError: No module named 'airflow.datasets'"), subjects=()),
        replace(deprecated("airflow.datasets.Dataset is deprecated."), subjects=()),
        ruff("airflow.datasets.Dataset"),
    ]
    assert deduplicate(findings) == findings


def test_kinds_are_the_same_in_the_interpreters_of_releases() -> None:
    names = ("NAME", "MODULE", "ARGUMENT", "UNNAMED")
    assert [getattr(import_subjects, name) for name in names] == [getattr(kinds, name) for name in names]


def raised(code: str) -> BaseException:
    with pytest.raises(Exception) as caught:
        exec(code, {"__name__": "tried"})
    return caught.value


@pytest.mark.parametrize(
    ("code", "kind", "name"),
    [
        ("import json.nowhere", MODULE, "json.nowhere"),
        ("import no_such_module", MODULE, "no_such_module"),
        ("from json import nothing", NAME, "json.nothing"),
        ("import json; json.nothing", NAME, "json.nothing"),
        ("def f(a): pass\nf(a=1, colour=2)", ARGUMENT, "colour"),
    ],
)
def test_real_exceptions_have_the_subject_in_attributes_and_in_words(code: str, kind: str, name: str) -> None:
    error = raised(code)
    assert import_subjects.of_error(error) == [{"kind": kind, "name": name}]
    assert import_subjects.of_error_text(f"{type(error).__name__}: {error}") == [{"kind": kind, "name": name}]


@pytest.mark.parametrize("words", ["perdu", "No module named 'other'", "cannot import name 'a' from 'other'", ""])
def test_attributes_of_an_exception_win_over_its_words(words: str) -> None:
    module = ModuleNotFoundError(words, name="airflow.gone")
    assert import_subjects.of_error(module) == [{"kind": MODULE, "name": "airflow.gone"}]
    name: Any = ImportError(words, name="airflow.here")
    name.name_from = "Gone"  # an argument only since Python 3.12
    assert import_subjects.of_error(name) == [{"kind": NAME, "name": "airflow.here.Gone"}]


@pytest.mark.parametrize(
    "code", ["{}['execution_date']", "1 / 0", "raise ValueError('airflow.x is odd')", "import json; json.loads.x"]
)
def test_other_exceptions_are_about_nothing(code: str) -> None:
    assert import_subjects.of_error(raised(code)) == []


def test_all_arguments_that_an_operator_does_not_take_are_subjects() -> None:
    said = (
        "Invalid arguments were passed to BashOperator (task_id: a). Invalid arguments were:\n"
        "**kwargs: {'task_concurrency': 3, 'colour': 'red'}"
    )
    assert [item["name"] for item in import_subjects.of_error_text(said)] == ["task_concurrency", "colour"]


@pytest.mark.parametrize(
    ("said", "kind", "name"),
    [
        ("The `airflow.old.A` attribute is deprecated. Please use `'airflow.new.B'`.", NAME, "airflow.old.A"),
        ("Param `sla` is deprecated.", NAME, "sla"),
        ("provide_context is deprecated as of 2.0", NAME, "provide_context"),
        ("This module is deprecated. Please use `airflow.new`.", MODULE, ""),
        ("This class is deprecated. Please use `airflow.new.A`.", UNNAMED, ""),
    ],
)
def test_warning_is_about_the_first_name_in_it(said: str, kind: str, name: str) -> None:
    assert import_subjects.of_warning(said) == [{"kind": kind, "name": name}]
