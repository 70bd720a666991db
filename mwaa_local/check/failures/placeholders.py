"""Whether an import failed for a placeholder, which stands for a Variable or Connection not known here. Pure."""

from __future__ import annotations

import re

from mwaa_local.check.asked import CONNECTION
from mwaa_local.check.failures.failure import ImportFailure, ImportingFile

CONNECTION_PLACEHOLDER = "stand-in"  # in all that a Connection's placeholder holds: `guest/dags/import_secrets.py`


def is_uncertain(file: ImportingFile, failure: ImportFailure) -> bool:
    """Whether another value than the placeholder's may let the file go on.

    A module whose name stands in an import statement, or in the line that asks for it, is missing for any value.
    """
    if not file.asked:
        return False
    is_asked_for = failure.said.startswith("Airflow")  # by an operator, whatever the values of its arguments
    return not failure.missing or (not is_asked_for and _is_computed(file, failure))


def placeholder_hint(file: ImportingFile) -> str:
    """Return what to do where a placeholder may be the cause; "" where the file asked for none."""
    if not file.asked:
        return ""
    names = ", ".join(dict.fromkeys(f"{asked.kind} {asked.name}" for asked in file.asked))
    return f"a placeholder may have caused it, because there is no {names} here: set a value and check again"


def _is_computed(file: ImportingFile, failure: ImportFailure) -> bool:
    """Whether the missing module's name may have come out of a placeholder."""
    top = re.escape(failure.missing.partition(".")[0])
    if any(re.search(rf"\b(?:import|from)\s+(?:[\w.]+\s*,\s*)*{top}\b", line) for line in failure.code):
        return False
    words = (rf"(?<![A-Za-z0-9]){re.escape(text)}(?![A-Za-z0-9])" for text in _placeholders(file))
    if any(re.search(word, failure.missing) for word in words):
        return True
    whole = re.compile(rf"(?<![\w.]){re.escape(failure.missing)}(?!\w)")
    return bool(failure.code) and not any(whole.search(line) for line in failure.code)


def _placeholders(file: ImportingFile) -> set[str]:
    """Return what is in the placeholders' texts, as they stand in a module's name."""
    return {
        CONNECTION_PLACEHOLDER if asked.kind == CONNECTION else re.sub(r"[^\w.-]", "-", asked.name)
        for asked in file.asked
    }
