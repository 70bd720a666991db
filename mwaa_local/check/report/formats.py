"""Results of checks in every format: the one entry to `text`, `ci` and `fix`. Pure.

Each format takes what was checked for releases; its twin that begins with `findings_` takes plain findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mwaa_local.check.report.ci import findings_github, findings_junit, findings_sarif, github, junit, sarif
from mwaa_local.check.report.fix import apply, diff, misplaced, proposals
from mwaa_local.check.report.listing import findings_text
from mwaa_local.check.report.problems import exit_code, findings_exit_code
from mwaa_local.check.report.text import download_bytes, headline, kind_of, summary_table, text
from mwaa_local.check.requirements.verdict import Checked, Conflict, NoWheel, Unchecked, Works
from mwaa_local.check.showing import shown
from mwaa_local.finding import Finding, in_order
from mwaa_local.requirements.install import REQUIREMENTS_INSTALL_TIMEOUT_S

__all__ = [
    "apply",
    "as_json",
    "diff",
    "exit_code",
    "findings_exit_code",
    "findings_github",
    "findings_json",
    "findings_junit",
    "findings_sarif",
    "findings_text",
    "github",
    "headline",
    "junit",
    "misplaced",
    "proposals",
    "sarif",
    "summary_table",
    "text",
]

ELAPSED_DECIMALS = 3


def as_json(checked: Sequence[Checked]) -> dict[str, Any]:
    """Return plain values for JSON. Every key is always there; credentials in URLs are masked.

    - `exit_code`: 0, 1 or 3, as the command ends
    - `checked`: a list, in the order given, of
      - `path`, `airflow_version`, `python_version`, `elapsed_s`
      - `outcome`: `works`, `conflict`, `invalid` (pip cannot read a line), `no-wheel` or `not-checked`, of resolving
        alone
      - `exit_code`: of this file and release, findings included
      - `changes`: `name`, `version`, `base_version` ("" where the image has none), `change` (`added`, `upgraded`,
        `downgraded`), `reasons`, `size_bytes` (null where unknown)
      - `download_bytes`: of all changes; null where one is unknown, or there is no outcome to measure
      - `install_estimate_s` (null where unknown), `install_limit_s`
      - `broken`: `name`, `why`
      - `built`: packages built from source: `name`, `version`, `outcome` of a build here (`builds`, `untried`,
        `doubtful`), `problem`, `path`, `line`, `wanted_by` (from the line's package on), `no_wheel` (why none fits),
        `newest_with_wheel`, `hint`
      - `clashes`: `path`, `line`, `requirement`, `other`, `origin`, `why`, `is_unreadable`, `proposal` (null, or
        `path`, `line`, `old`, `new`, which is "" where the line has to go), `hint` (what else to do)
      - `said`: the resolver's own words on a conflict, else ""
      - `no_wheel`: packages that cannot be built, with the same keys; `outcome` is `fails`
      - `not_checked`: null, or `what`, `why`, `hint`
      - `findings`: `rule`, `severity` (`error`, `warning`, `note`), `path`, `line` (0: the file as a whole), `what`,
        `why`, `hint`, `see` (the address of the known difference from MWAA that can change the verdict, or "")
    """
    return {"exit_code": exit_code(checked), "checked": [_checked(item) for item in checked]}


def findings_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return `exit_code` (0 or 1) and `findings` as in `as_json`, for JSON."""
    return {"exit_code": findings_exit_code(findings), "findings": _safe(_findings(findings))}


def _checked(checked: Checked) -> dict[str, Any]:
    verdict = checked.verdict
    plain = {
        "path": checked.path,
        "airflow_version": checked.airflow_version,
        "python_version": checked.python_version,
        "elapsed_s": round(checked.elapsed_s, ELAPSED_DECIMALS),
        "outcome": checked.outcome,
        "exit_code": exit_code([checked]),
        **_works(verdict if isinstance(verdict, Works) else None),
        **_conflict(verdict if isinstance(verdict, Conflict) else Conflict((), "")),
        "no_wheel": [asdict(item) for item in verdict.packages] if isinstance(verdict, NoWheel) else [],
        "not_checked": asdict(verdict) if isinstance(verdict, Unchecked) else None,
        "findings": _findings(checked.findings),
    }
    return {key: _safe(value) for key, value in plain.items()}


def _works(verdict: Works | None) -> dict[str, Any]:
    shown_verdict = verdict or Works(())
    return {
        "changes": [
            {
                "name": change.name,
                "version": change.version,
                "base_version": change.base_version,
                "change": kind_of(change),
                "reasons": list(change.reasons),
                "size_bytes": change.size_bytes,
            }
            for change in shown_verdict.changes
        ],
        "download_bytes": download_bytes(verdict.changes) if verdict else None,
        "install_estimate_s": shown_verdict.install_estimate_s,
        "install_limit_s": REQUIREMENTS_INSTALL_TIMEOUT_S,
        "broken": [asdict(item) for item in shown_verdict.broken],
        "built": [asdict(item) for item in shown_verdict.built],
    }


def _conflict(verdict: Conflict) -> dict[str, Any]:
    return {"clashes": [asdict(clash) for clash in verdict.clashes], "said": verdict.said}


def _findings(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [finding.plain() for finding in in_order(findings)]


def _safe(value: Any) -> Any:
    """Return plain values with every text safe to show."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, dict):
        return {key: _safe(item) for key, item in value.items()}
    return [_safe(item) for item in value] if isinstance(value, list | tuple) else value
