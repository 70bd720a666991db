"""Findings on the Python that checks run with: it may not be MWAA's."""

from __future__ import annotations

from collections.abc import Iterable

from mwaa_local.check.environment import path_of
from mwaa_local.finding import WARNING, Finding
from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import Project
from mwaa_local.remarks import Remark

STANDS_IN = "python-stands-in"
SUBJECT = "python"  # of the remark by which a start says the same
RULES = {STANDS_IN: "a check ran with another Python than MWAA's, which is not on this machine"}


def python_findings(project: Project, base: PythonEnvironment) -> tuple[Finding, ...]:
    """Return a warning when another Python is used instead of MWAA's."""
    if not base.note:
        return ()
    return (Finding(STANDS_IN, WARNING, path_of(project), 0, base.note, "", base.hint),)


def without_stand_in(findings: Iterable[Finding], remarks: Iterable[Remark]) -> list[Finding]:
    """Return the findings without the one that a remark repeats."""
    said = any(remark.subject == SUBJECT for remark in remarks)
    return [finding for finding in findings if not (said and finding.rule == STANDS_IN)]
