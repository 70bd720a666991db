"""What import errors of several files have in common: a module that is missing, or one line that fails. Pure."""

from __future__ import annotations

from mwaa_local.check.dags.import_results import ImportedFile, ImportFailure
from mwaa_local.finding import Cause


def failure_cause(file: ImportedFile, failure: ImportFailure, words: str) -> Cause:
    """Return the cause. `words` tell the failure without the file that imports.

    A module is missing for all who ask for it. Any other error is the same one only in the same line of the same
    module, or where the same code stands in several files: one text of an error can have many reasons.
    """
    imported_by = "" if failure.path == file.path else file.path
    if failure.missing:
        return Cause(words, imported_by=imported_by)
    return Cause(words, f"{failure.path}:{failure.line}" if imported_by else _code(failure), imported_by)


def _code(failure: ImportFailure) -> str:
    """Return the line of code that failed, or the place where there is none to compare."""
    last = failure.trace[-1] if failure.trace else ""
    is_code = last.startswith("  ") and last.strip() != "^"  # the mark below what Python cannot read
    return last.strip() if is_code else f"{failure.path}:{failure.line}"
