"""Finding: one remark on a file that is uploaded to MWAA. Every check speaks in these, every format shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)


@dataclass(frozen=True)
class Finding:
    """One remark. An error is what does not work on MWAA, a warning what may not, a note what is good to know."""

    rule: str  # stable, in words joined by dashes: "missing-constraint"
    severity: str  # ERROR, WARNING or NOTE
    path: str  # as the user knows the file, below the project's folder where it is there
    line: int  # the first is 1; 0 means the file as a whole
    what: str  # one line
    why: str = ""
    hint: str = ""

    @property
    def place(self) -> str:
        """Where it is, as `requirements/requirements.txt:3`."""
        return f"{self.path}:{self.line}" if self.line else self.path


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by file and line, each once."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda item: (item.path, item.line, item.rule, item.what)))
