"""The problems in results of checks, each once, with the releases that have them; and exit codes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mwaa_local.check.part import FAILS_CODE, UNKNOWN_CODE, WORKS_CODE
from mwaa_local.check.requirements.resolution import other_findings, resolution_findings
from mwaa_local.check.requirements.verdict import Checked, Conflict, NoWheel, Unchecked
from mwaa_local.finding import Finding, has_error, in_order


@dataclass(frozen=True)
class Problem:
    """A finding and the releases it was found for, in the order they were checked."""

    finding: Finding
    airflow_versions: tuple[str, ...]
    is_everywhere: bool  # on every release that its file was checked for

    @property
    def where(self) -> str:
        """On which releases, as ` (Airflow 2.10.3, 3.3.1)`; "" where it is on all."""
        return "" if self.is_everywhere else f" (Airflow {', '.join(self.airflow_versions)})"


def problems(checked: Sequence[Checked]) -> tuple[Problem, ...]:
    """Return every problem once, by file and line, with the releases that have it."""
    found: dict[Finding, list[Checked]] = {}
    for item in checked:
        for finding in in_order([*resolution_findings(item), *other_findings(item)]):
            found.setdefault(finding, []).append(item)
    return tuple(
        Problem(finding, tuple(item.airflow_version for item in found[finding]), _everywhere(found[finding], checked))
        for finding in in_order(found)
    )


def _everywhere(where: Sequence[Checked], checked: Sequence[Checked]) -> bool:
    paths = {item.path for item in where}
    return len(where) == sum(item.path in paths for item in checked)


def exit_code(checked: Sequence[Checked]) -> int:
    """Return 0 when all works, 1 when something does not, 3 when nothing is known to fail but not all was checked."""
    if any(isinstance(item.verdict, Conflict | NoWheel) or has_error(item.findings) for item in checked):
        return FAILS_CODE
    return UNKNOWN_CODE if any(isinstance(item.verdict, Unchecked) for item in checked) else WORKS_CODE


def findings_exit_code(findings: Sequence[Finding]) -> int:
    """Return 1 when one of them is an error, else 0."""
    return FAILS_CODE if has_error(findings) else WORKS_CODE
