"""What a move brings, and what is found today as well."""

from __future__ import annotations

import pytest

from mwaa_local.check.dags.ignore_file import RULE as IGNORE_RULE
from mwaa_local.check.known_options import KnownOptions
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding
from mwaa_local.release import Release
from mwaa_local.upgrade.changes import BEHAVIOUR, DEFAULT
from mwaa_local.upgrade.comparison import _not_told, brought
from mwaa_local.upgrade.defaults import ChangedDefault, changed_defaults
from mwaa_local.upgrade.option_moves import option_moves

OLD, NEW = Release.load("2.11.2"), Release.load("3.3.1")


def finding(what: str, severity: str = ERROR, line: int = 3) -> Finding:
    return Finding("dag-import-error", severity, "dags/a.py", line, what)


@pytest.mark.parametrize(
    ("there", "today", "is_new"),
    [
        (finding("fails"), finding("fails"), False),
        (finding("fails on Airflow 3.3.1"), finding("fails on Airflow 2.11.2"), False),
        (finding("fails"), finding("fails", line=4), True),
        (finding("fails for one reason"), finding("fails for another"), True),
        (finding("fails"), finding("fails", NOTE), True),  # worse than today
        (finding("fails", NOTE), finding("fails", WARNING), False),
    ],
)
def test_finding_is_new_unless_today_has_it_as_bad(there: Finding, today: Finding, is_new: bool) -> None:
    new, same = brought([there], [today], NEW, OLD)
    assert (new, same) == (((there,), ()) if is_new else ((), (there,)))


def test_nothing_to_compare_with_makes_all_of_it_new() -> None:
    assert brought([finding("fails")], [], NEW, OLD) == ((finding("fails"),), ())


def test_defaults_are_those_of_mwaa_where_it_has_some() -> None:
    before = KnownOptions(defaults={"a.b": "1", "a.gone": "1", "a.same": "1", "core.executor": "Sequential"})
    after = KnownOptions(defaults={"a.b": "2", "a.came": "", "a.same": "1", "core.executor": "Local"})
    found = {item.option: item for item in changed_defaults(OLD, before, NEW, after)}
    assert found["a.b"] == ChangedDefault("a.b", "1", "2")
    assert (found["a.gone"].after, found["a.came"].before, found["a.came"].after) == (None, None, "")
    assert not found["a.gone"].is_of_both
    assert found["api.server_type"].after == "gunicorn"  # MWAA's own
    assert {"a.same", "core.executor", "celery.worker_autoscale"}.isdisjoint(found)


def test_options_go_where_the_release_reads_them() -> None:
    known = KnownOptions(moved={"core.old": "core.new"})
    options = ["scheduler.parsing_processes", "core.enable_xcom_pickling", "api.auth_backends", "core.old", "app.mine"]
    assert option_moves(options, NEW, known) == {
        "scheduler.parsing_processes": "dag_processor.parsing_processes",
        "core.enable_xcom_pickling": "",
        "api.auth_backends": "fab.auth_backends",
        "core.old": "core.new",
    }


def test_option_whose_successor_is_set_too_goes() -> None:
    known = KnownOptions(moved={"core.old": "core.new", "core.older": "core.new"})
    assert option_moves(["core.old", "core.new"], NEW, known) == {"core.old": ""}
    assert option_moves(["core.old", "core.older"], NEW, known) == {"core.old": "core.new", "core.older": ""}


def test_options_of_a_downgrade_go_back_to_what_the_older_release_reads() -> None:
    older = KnownOptions(sections={"scheduler": frozenset({"parsing_processes"}), "core": frozenset({"a", "same"})})
    newer = KnownOptions(moved={"core.a": "sdk.a", "core.gone": "sdk.came"})
    options = ["dag_processor.parsing_processes", "sdk.a", "sdk.came", "core.same", "app.mine"]
    moves = option_moves(options, OLD, older, (NEW, newer))
    assert moves == {"dag_processor.parsing_processes": "scheduler.parsing_processes", "sdk.a": "core.a"}
    assert option_moves(["sdk.a", "core.a"], OLD, older, (NEW, newer)) == {"sdk.a": ""}
    assert option_moves(options, OLD, KnownOptions(), (NEW, newer)) == {}  # it could not be asked


def test_change_that_another_part_warns_of_at_the_same_place_is_not_told_again() -> None:
    behaviour = Finding(BEHAVIOUR, WARNING, "dags/a.py", 9, "tasks get no execution_date")
    default = Finding(DEFAULT, WARNING, "dags/a.py", 9, "another default")
    ignored = Finding(DEFAULT, WARNING, "dags/.airflowignore", 0, "another syntax")
    whole = Finding(BEHAVIOUR, NOTE, "mwaa.yaml", 0, "another address")
    found = [behaviour, default, ignored, whole]
    assert _not_told(found, [Finding("context-name-missing", WARNING, "dags/a.py", 9, "w")]) == [
        default,
        ignored,
        whole,
    ]
    assert _not_told(found, [Finding("ruff-AIR311", NOTE, "dags/a.py", 9, "n")]) == found
    assert _not_told(found, [Finding(IGNORE_RULE, WARNING, "dags/.airflowignore", 2, "w")]) == [
        behaviour,
        default,
        whole,
    ]
    assert _not_told(found, [Finding("environment-invalid", ERROR, "mwaa.yaml", 0, "e")]) == found
