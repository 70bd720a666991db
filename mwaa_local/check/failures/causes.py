"""What failed imports of several files have in common: a name that is missing, or one line that fails. Pure."""

from __future__ import annotations

from mwaa_local.check.failures.failure import ImportFailure, ImportingFile
from mwaa_local.finding import MODULE, NAME, Cause

_MISSING = (MODULE, NAME)


def failure_cause(file: ImportingFile, failure: ImportFailure, words: str) -> Cause:
    """Return the cause. `words` tell the failure without the file that imports.

    A module or a name is missing for all who ask for it, however they write it. Any other error is the same one only
    in the same line of the same module, or where the same code of the user's stands in several files: one text of an
    error, and one line of a library that raises it, can have many reasons.
    """
    imported_by = "" if failure.path == file.path else file.path
    if failure.missing or any(subject.kind in _MISSING for subject in failure.subjects):
        return Cause(words, imported_by=imported_by)
    place = f"{failure.path}:{failure.line}"
    return Cause(words, place if imported_by else failure.own_code or place, imported_by)
