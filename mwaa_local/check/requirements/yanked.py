"""Versions that their authors withdrew from the index, as findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.verdict import PackageChange
from mwaa_local.finding import WARNING, Finding

YANKED_RELEASE = "yanked-release"  # the rule


def yanked_findings(
    yanked: Mapping[str, str], changes: Iterable[PackageChange], lines: Sequence[Line], path: str
) -> Iterator[Finding]:
    """Yield a warning for each package that pip would bring in a yanked version, at the line that asks for it.

    `yanked` is the resolution's, `path` the file as a whole. What MWAA's image already has is not installed, so it is
    not reported. Source: PEP 592, "Installers": a yanked file is used only if a `==` or `===` names its version.
    """
    for change in changes:
        if change.name in yanked:
            line = next((line for line in lines if line.name == change.name), None)
            reason = yanked[change.name].strip()
            yield Finding(
                YANKED_RELEASE,
                WARNING,
                line.path if line else path,
                line.number if line else 0,
                f"{change.name} {change.version} was yanked from the package index",
                f"{_said(reason)}pip takes a yanked version only because a pin names it exactly, and it may be gone "
                "from the index one day.",
                f"ask for another version of {change.name}",
            )


def _said(reason: str) -> str:
    return f"Its authors say: {reason.rstrip('.')}. " if reason else ""
