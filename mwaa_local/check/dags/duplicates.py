"""Report one thing once: what Airflow says when a file is imported, and what ruff says of its source, often agree.

Pure. Airflow names the line of the import, ruff that of the first use, so subjects are compared, and lines only if
Airflow gives no name. Wording is never compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from mwaa_local.finding import MODULE, NAME, UNNAMED, Finding, Subject

IMPORT_ERROR, DEPRECATION, RUFF_PREFIX = "dag-import-error", "airflow-deprecation", "ruff-"
LineOf = Callable[[str, int], str]
NOT_TAKEN = "remove it: this release does not know it"
_IMPORTED = re.compile(r"\s*(?:from|import)\s+(airflow(?:\.\w+)*)")  # in a line of the file


def deduplicate(findings: Sequence[Finding], line_of: LineOf = lambda _path, _line: "") -> list[Finding]:
    """Return the findings without those of ruff that an import error covers, and those of Airflow that ruff covers.

    Nothing is lost: an import error without a useful hint takes ruff's, and ruff's finding takes Airflow's words.
    `line_of` returns a line of a file.
    """
    left = list(findings)
    for error in [item for item in left if item.rule == IMPORT_ERROR]:
        same = [item for item in left if _is_of_ruff(item, error) and _is_missed(item, error)]
        if same:
            left = [item for item in left if item not in same]
            left[left.index(error)] = replace(error, hint=_hint(error, same))
    taken: set[tuple[str, str, int, str, str]] = set()  # which of ruff's findings have which of Airflow's words
    for note in [item for item in left if item.rule == DEPRECATION]:
        text = line_of(note.path, note.line)
        same = [item for item in left if _is_of_ruff(item, note) and _is_deprecated(item, note, text)]
        if same:
            left.remove(note)
            first = same[0]
            key = (first.rule, first.path, first.line, first.what, note.why)
            if key not in taken:
                left[left.index(first)] = replace(first, why=f"{first.why}\nAirflow says: {note.why}")
                taken.add(key)
    return left


def _is_of_ruff(item: Finding, other: Finding) -> bool:
    return item.rule.startswith(RUFF_PREFIX) and item.path == other.path


def _hint(error: Finding, same: Sequence[Finding]) -> str:
    """Return ruff's hints, but for those on a later release: what fails on this one is not mended by them."""
    hints = [item.hint for item in same if not item.is_for_later]
    return "\n".join(dict.fromkeys(hints)) or error.hint or NOT_TAKEN


def _is_missed(item: Finding, error: Finding) -> bool:
    """Say whether the import failed for want of what ruff tells of."""
    return any(_is_absent(subject.name, absent) for subject in item.subjects for absent in error.subjects)


def _is_absent(name: str, absent: Subject) -> bool:
    if absent.kind == MODULE:
        return name.startswith(f"{absent.name}.")
    if absent.kind == NAME and "." not in name:
        return name == absent.name.rpartition(".")[2]
    # Of an argument, ruff tells of the first in the file, and of a decorator's where it stands, not where it is called.
    return name == absent.name


def _is_deprecated(item: Finding, note: Finding, line: str) -> bool:
    """Say whether Airflow's words are on what ruff tells of. `line` is the one that Airflow names."""
    same_line = item.line == note.line
    return any(
        _is_meant(subject.name, spoken, line, same_line=same_line)
        for subject in item.subjects
        for spoken in note.subjects
    )


def _is_meant(name: str, spoken: Subject, line: str, *, same_line: bool) -> bool:
    last = name.rpartition(".")[2]
    if spoken.kind == UNNAMED:
        return same_line and last in re.findall(r"\w+", line)
    imported = _IMPORTED.match(line)
    module = imported[1] if imported else ""
    if spoken.kind == MODULE:
        module = spoken.name or module
        return bool(module) and name.startswith(f"{module}.")
    if "." in spoken.name or "." not in name:
        return name == spoken.name
    is_at_line = same_line or (bool(module) and name == f"{module}.{last}")
    return name == f"airflow.{spoken.name}" or (spoken.name == last and is_at_line)
