"""One cause is told once, by the part that knows most of it."""

from __future__ import annotations

import pytest

from mwaa_local.check.folded import folded
from mwaa_local.check.part import Part
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding

PATH = "requirements/requirements.txt"


def rules(*findings: Finding) -> list[str]:
    _, dags = folded([Part("requirements", findings[:-1]), Part("dags", findings[-1:])])
    return [item.rule for item in dags.findings]


@pytest.mark.parametrize("severity", [ERROR, WARNING])
@pytest.mark.parametrize("rule", ["conflict", "invalid-requirement", "no-wheel", "not-checked"])
def test_failed_install_follows_from_what_is_told_of_the_file(rule: str, severity: str) -> None:
    assert rules(Finding(rule, ERROR, PATH, 3, "no"), Finding("install-failed", severity, PATH, 0, "pip")) == []


def test_failed_install_for_another_reason_stays() -> None:
    failed = Finding("install-failed", ERROR, PATH, 0, "pip")
    assert rules(Finding("conflict", ERROR, "other/requirements.txt", 3, "no"), failed) == ["install-failed"]
    assert rules(Finding("missing-constraint", NOTE, PATH, 1, "no"), failed) == ["install-failed"]


def test_other_findings_stay() -> None:
    assert rules(
        Finding("conflict", ERROR, PATH, 3, "no"), Finding("dag-import-error", ERROR, "dags/a.py", 1, "x")
    ) == ["dag-import-error"]
