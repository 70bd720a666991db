"""Tell one thing once: what Airflow says when a file is imported, and what ruff says of its source, are often the same.

Pure. Airflow names the line of the import, ruff that of the first use, so that names decide, and lines only where
Airflow has no name for what it speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from mwaa_local.check.dags.air import BEFORE_AIRFLOW_3, WITH_AIRFLOW_3
from mwaa_local.check.dags.air_remarks import subject_of
from mwaa_local.check.finding import Finding

IMPORT_ERROR, DEPRECATION, RUFF_PREFIX = "dag-import-error", "airflow-deprecation", "ruff-"
LineOf = Callable[[str, int], str]
NOT_TAKEN = "take it out: this release does not know it"
# `airflow.a.B` with or without quotes, and any quoted name.
_NAME = re.compile(r"(?<![\w.])airflow(?:\.\w+)+|(?<=['`])[A-Za-z_][\w.]*(?=['`])")
# Of arguments: what Python and Airflow's operators say of one that they do not take; and a name that cannot be had.
_NOT_TAKEN = re.compile(r"unexpected keyword argument|Invalid arguments were passed")
_NOT_THERE = re.compile(r"cannot import name")
_FIRST_WORD = re.compile(r"(\w+) is deprecated")
_UNNAMED = re.compile(r"This (\w+) is deprecated")
_MODULE = "module"
_SAID_OTHERWISE = {"apply_defaults": "apply_default decorator"}  # at the line of the class that it decorates
_IMPORTED = re.compile(r"\s*(?:from|import)\s+(airflow(?:\.\w+)*)")


def told_once(findings: Sequence[Finding], line_of: LineOf = lambda _path, _line: "") -> list[Finding]:
    """Return the findings without ruff's on what an import error tells, and without Airflow's on what ruff tells.

    Nothing is lost: an import error without a useful hint takes ruff's, and ruff's finding takes Airflow's words.
    `line_of` returns a line of a file.
    """
    left = list(findings)
    for error in [item for item in left if item.rule == IMPORT_ERROR]:
        same = [item for item in left if _is_of_ruff(item, error) and _is_missed(item, error)]
        if same:
            left = [item for item in left if item not in same]
            left[left.index(error)] = replace(error, hint=_hint(error, same))
    for note in [item for item in left if item.rule == DEPRECATION]:
        text = line_of(note.path, note.line)
        same = [item for item in left if _is_of_ruff(item, note) and _is_deprecated(item, note, text)]
        if same:
            left.remove(note)
            said = f"Airflow says: {note.why}"
            if said not in same[0].why.splitlines():
                left[left.index(same[0])] = replace(same[0], why=f"{same[0].why}\n{said}")
    return left


def _is_of_ruff(item: Finding, other: Finding) -> bool:
    return item.rule.startswith(RUFF_PREFIX) and item.path == other.path


def _hint(error: Finding, same: Sequence[Finding]) -> str:
    """Return ruff's hints, but for those on a later release: what fails on this one is not mended by them."""
    hints = [item.hint for item in same if not item.hint.startswith((BEFORE_AIRFLOW_3, WITH_AIRFLOW_3))]
    return "\n".join(dict.fromkeys(hints)) or error.hint or NOT_TAKEN


def _is_missed(item: Finding, error: Finding) -> bool:
    """Say whether the import failed for want of what ruff tells of."""
    subject, names = subject_of(item.what), _names(error.what)
    if "." not in subject:
        # ruff tells of the first in the file, and of a decorator's where it stands, not where it is called.
        return subject in names and (_NOT_TAKEN.search(error.what) or _NOT_THERE.search(error.what)) is not None
    # No module named 'a.b'; cannot import name 'c' from 'a.b'.
    whole = {f"{module}.{name}" for module in names for name in names}
    return subject in whole or any(subject.startswith(f"{name}.") for name in names if len(names) == 1)


def _is_deprecated(item: Finding, note: Finding, line: str) -> bool:
    """Say whether Airflow's words are on what ruff tells of; the other names in them are what took its place.

    `line` is the one that Airflow names.
    """
    subject, last = subject_of(item.what), subject_of(item.what).rpartition(".")[2]
    unnamed = _UNNAMED.match(note.why)
    if unnamed and unnamed[1] == _MODULE:
        imported = _IMPORTED.match(line)
        return imported is not None and subject.startswith(f"{imported[1]}.")
    if unnamed and (otherwise := _SAID_OTHERWISE.get(last)):
        return otherwise in note.why
    if unnamed:
        return item.line == note.line and last in re.findall(r"\w+", line)
    names = [found[1]] if (found := _FIRST_WORD.match(note.why)) else _names(note.why)
    if not names:
        return False
    if "." in names[0] or "." not in subject:
        return subject == names[0]
    imported = _IMPORTED.match(line)
    is_at_line = item.line == note.line or (imported is not None and subject == f"{imported[1]}.{last}")
    return subject == f"airflow.{names[0]}" or (names[0] == last and is_at_line)


def _names(text: str) -> list[str]:
    return _NAME.findall(text)
