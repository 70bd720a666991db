"""A finding: what people are told of it, and what is known of it besides."""

from __future__ import annotations

from dataclasses import replace

from mwaa_local.finding import NAME, NOTE, Finding, Subject, in_order

FINDING = Finding("a-rule", NOTE, "dags/a.py", 3, "what", "why", "hint")


def test_what_only_programs_compare_is_not_in_the_json() -> None:
    known = replace(FINDING, subjects=(Subject(NAME, "airflow.a.B"),), is_for_later=True)
    assert known.plain() == {
        "rule": "a-rule",
        "severity": NOTE,
        "path": "dags/a.py",
        "line": 3,
        "what": "what",
        "why": "why",
        "hint": "hint",
        "see": "",
    }


def test_findings_that_say_the_same_are_reported_once() -> None:
    assert in_order(
        [FINDING, replace(FINDING, subjects=(Subject(NAME, "b"),)), replace(FINDING, is_for_later=True)]
    ) == (FINDING,)
