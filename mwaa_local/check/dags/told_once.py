"""Tell one thing once: what Airflow says when a file is imported, and what ruff says of its source, are often the same.

Pure. Airflow names the line of the import, ruff that of the use, so that names decide and not lines; of an argument,
which has a short name, both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from mwaa_local.check.dags.air import subject_of
from mwaa_local.check.finding import Finding

IMPORT_ERROR, DEPRECATION, RUFF_PREFIX = "dag-import-error", "airflow-deprecation", "ruff-"
# `airflow.a.B` with or without quotes, and any quoted name.
_NAME = re.compile(r"(?<![\w.])airflow(?:\.\w+)+|(?<=['`])[A-Za-z_][\w.]*(?=['`])")


def told_once(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings without ruff's on what an import error tells, and without Airflow's on what ruff tells.

    Nothing is lost: an import error without a useful hint takes ruff's, and ruff's finding takes Airflow's words.
    """
    left = list(findings)
    for error in [item for item in left if item.rule == IMPORT_ERROR]:
        same = [item for item in left if _is_of_ruff(item, error) and _is_missed(item, error)]
        if same:
            hints = "\n".join(dict.fromkeys(item.hint for item in same))
            left = [item for item in left if item not in same]
            left[left.index(error)] = replace(error, hint=hints)
    for note in [item for item in left if item.rule == DEPRECATION]:
        same = [item for item in left if _is_of_ruff(item, note) and _is_deprecated(item, note)]
        if same:
            left.remove(note)
            said = f"{same[0].why}\nAirflow says: {note.why}"
            left[left.index(same[0])] = replace(same[0], why=said)
    return left


def _is_of_ruff(item: Finding, other: Finding) -> bool:
    return item.rule.startswith(RUFF_PREFIX) and item.path == other.path


def _is_missed(item: Finding, error: Finding) -> bool:
    """Say whether the import failed for want of what ruff tells of."""
    subject, names = subject_of(item.what), _names(error.what)
    if "." not in subject:
        return item.line == error.line and subject in names
    # No module named 'a.b'; cannot import name 'c' from 'a.b'.
    whole = {f"{module}.{name}" for module in names for name in names}
    return subject in whole or any(subject.startswith(f"{name}.") for name in names if len(names) == 1)


def _is_deprecated(item: Finding, note: Finding) -> bool:
    """Say whether Airflow's words are on what ruff tells of; the other names in them are what took its place."""
    subject, names = subject_of(item.what), _names(note.why)
    if not names:
        return False
    if "." not in subject:
        return item.line == note.line and subject == names[0]
    return subject in (names[0], f"airflow.{names[0]}")


def _names(text: str) -> list[str]:
    return _NAME.findall(text)
