"""Part: one of the things that `mwaa-local check` looks at, and how that went. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mwaa_local.finding import ERROR, NOT_CHECKED, Finding, has_error

OK, FOUND, FAILED, SKIPPED, UNCHECKED = "ok", "findings", "fails", "skipped", "not checked"
WORKS_CODE, FAILS_CODE, UNKNOWN_CODE = 0, 1, 3


@dataclass(frozen=True)
class Part:
    """One part. `summary` is what was looked at, in a few words; `skipped` says why nothing was.

    `dag_ids` are those of the DAGs that were imported, `has_all_dags` whether MWAA can have no others.
    """

    name: str  # "environment file", "options", "requirements", "plugins", "startup script", "dags"
    findings: tuple[Finding, ...] = ()
    elapsed_s: float = 0.0
    summary: str = ""
    skipped: str = ""
    dag_ids: tuple[str, ...] = ()
    has_all_dags: bool = False

    @property
    def outcome(self) -> str:
        """OK, FOUND, FAILED, SKIPPED or UNCHECKED."""
        if self.skipped:
            return SKIPPED
        if has_error(finding for finding in self.findings if finding.rule != NOT_CHECKED):
            return FAILED
        if any(finding.rule == NOT_CHECKED for finding in self.findings):
            return UNCHECKED
        return FOUND if self.findings else OK


def not_checked(path: str, what: str, why: str, hint: str) -> Finding:
    """Return the finding for something that could not be checked."""
    return Finding(NOT_CHECKED, ERROR, path, 0, what, why, hint)


def exit_code(parts: Sequence[Part]) -> int:
    """Return 1 when something does not work, 3 when nothing is known to fail but not all was checked, else 0."""
    outcomes = {part.outcome for part in parts}
    if FAILED in outcomes:
        return FAILS_CODE
    return UNKNOWN_CODE if UNCHECKED in outcomes else WORKS_CODE
