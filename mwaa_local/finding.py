"""Finding: what a check says about a file that is uploaded to MWAA. All checks return them, all formats show them.

What a start reports is a `remarks.Remark`, with the same severities.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from mwaa_local.documentation import DIFFERENCE_OF, difference_url

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)
NOT_CHECKED = "not-checked"  # the rule of a finding that says that something could not be checked
RELEASE_ASSUMED = "release-assumed"  # the rule of a finding on which Airflow version everything else is about
LEADING = (RELEASE_ASSUMED,)  # rules that stand before all others: what they say decides about the rest
# Kinds of subjects.
NAME = "name"  # of what is imported or used: dotted where its module is known, else only its last part
MODULE = "module"  # and all that is in it; without a name it is the one that the finding's line imports
ARGUMENT = "argument"  # of a call
UNNAMED = "unnamed"  # something that the finding's line uses


@dataclass(frozen=True)
class Subject:
    """What a finding is about, for programs that compare findings."""

    kind: str  # NAME, MODULE, ARGUMENT or UNNAMED
    name: str = ""


@dataclass(frozen=True)
class Cause:
    """What findings in several places have in common, so that it is reported once; `detail` is only compared."""

    words: str  # as `what`, but true of all of them
    detail: str = ""
    imported_by: str = field(default="", compare=False)  # the file that fails, where the fault is not in it


@dataclass(frozen=True)
class Finding:
    """One thing found. An error fails on MWAA, a warning may fail, a note is for information.

    `what`, `why` and `hint` are for people and may be worded anew at any time; nothing reads them. Findings that say
    the same are the same, whatever else is known of them.
    """

    rule: str  # stable, in words joined by dashes: "missing-constraint"
    severity: str  # ERROR, WARNING or NOTE
    path: str  # as the user knows the file, below the project's folder where it is there
    line: int  # the first is 1; 0 means the file as a whole
    what: str  # one line
    why: str = ""
    hint: str = ""
    subjects: tuple[Subject, ...] = field(default=(), compare=False)  # of those that others may tell of, too
    is_for_later: bool = field(default=False, compare=False)  # the hint is for a later release, and mends nothing now
    cause: Cause | None = field(default=None, compare=False)
    see: str = field(default="", compare=False)  # anchor of the known difference from MWAA that can change the verdict

    def __post_init__(self) -> None:
        """Point to the difference that holds for all such findings of the rule, unless another one was named."""
        if not self.see:
            object.__setattr__(self, "see", DIFFERENCE_OF.get((self.rule, self.severity), ""))

    @property
    def place(self) -> str:
        """Where it is, as `requirements/requirements.txt:3`."""
        return f"{self.path}:{self.line}" if self.line else self.path

    def plain(self) -> dict[str, Any]:
        """Return what people are told, as plain values for JSON."""
        plain = asdict(self)
        del plain["subjects"], plain["is_for_later"], plain["cause"]
        return {**plain, "see": difference_url(self.see)}


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by file and line, each once."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda item: (item.path, item.line, item.rule, item.what)))


def counted(number: int, noun: str) -> str:
    """Return `1 error`, `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def count(findings: Iterable[Finding]) -> str:
    """Return `1 error, 2 warnings`; "" for none."""
    severities = [finding.severity for finding in findings]
    present = [severity for severity in SEVERITIES if severity in severities]
    return ", ".join(counted(severities.count(severity), severity) for severity in present)


def has_error(findings: Iterable[Finding]) -> bool:
    return any(finding.severity == ERROR for finding in findings)
