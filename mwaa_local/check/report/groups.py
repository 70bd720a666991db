"""Findings grouped by cause: one fault that shows in many files is one thing to mend. Pure.

Findings belong together if they agree in rule, severity, hint and `Finding.cause`; those without a cause, if they say
the same, word for word.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mwaa_local.finding import LEADING, SEVERITIES, Finding, counted, in_order

SHOWN_PLACES = 3  # of one group, where not all are wanted


@dataclass(frozen=True)
class Group:
    """All findings of one cause, by file and line; never empty."""

    findings: tuple[Finding, ...]

    @property
    def finding(self) -> Finding:
        """The first finding; of several, in words that hold for all."""
        first = self.findings[0]
        is_shared = first.cause is not None and len(self.findings) > 1
        return replace(first, what=first.cause.words) if first.cause and is_shared else first

    @property
    def places(self) -> tuple[str, ...]:
        """Where it is, each place once; one of each file comes first."""
        first: dict[str, str] = {}
        for finding in self.findings:
            first.setdefault(finding.path, finding.place)
        return tuple(dict.fromkeys([*first.values(), *(finding.place for finding in self.findings)]))

    @property
    def importers(self) -> tuple[str, ...]:
        """The files that fail because they import the faulty one, each once."""
        names = (finding.cause.imported_by for finding in self.findings if finding.cause)
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def extent(self) -> str:
        """Return `in 169 files`, `at 12 places`, `at 12 places in 5 files`."""
        files, places = len({finding.path for finding in self.findings}), len(self.places)
        if files == places:
            return f"in {counted(files, 'file')}"
        return f"at {places} places" if files == 1 else f"at {places} places in {files} files"

    def where(self, most: int = SHOWN_PLACES) -> tuple[str, ...]:
        """Return lines that name places and importers, at most `most` of each; none if the first place says it all.

        `in 169 files: dags/a.py:3, dags/b.py:4, dags/c.py:9 and 166 more`
        """
        lines = [f"{self.extent}: {_some(self.places, most)}"] if len(self.places) > 1 else []
        if self.importers and len(self.findings) > 1:
            lines.append(f"imported by {counted(len(self.importers), 'file')}: {_some(self.importers, most)}")
        return tuple(lines)


def groups(findings: Iterable[Finding]) -> tuple[Group, ...]:
    """Return the findings by cause: what decides about the rest, then errors, then by file and line."""
    found: dict[tuple[str, ...], list[Finding]] = {}
    for finding in in_order(findings):
        found.setdefault(_key(finding), []).append(finding)
    return tuple(sorted((Group(tuple(items)) for items in found.values()), key=_rank))


def _key(finding: Finding) -> tuple[str, ...]:
    cause = finding.cause
    words = (finding.what, finding.why) if cause is None else (cause.words, cause.detail)
    return (finding.rule, finding.severity, finding.hint, *words)


def _rank(group: Group) -> tuple[bool, int]:
    first = group.findings[0]
    return first.rule not in LEADING, SEVERITIES.index(first.severity)


def _some(names: tuple[str, ...], most: int) -> str:
    more = len(names) - most
    shown = ", ".join(names[:most])
    return f"{shown} and {more} more" if more > 0 else shown
