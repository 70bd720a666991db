"""ImportFailure: what is known of an import that failed, read from the answers of the probes in `guest/`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mwaa_local.check.asked import AskedValue
from mwaa_local.check.requirements.lines import MWAA_HOME
from mwaa_local.finding import Subject

# Kinds of ImportFailure.
FAILED, TIMEOUT, DIED, ENDED, DATABASE = "error", "timeout", "died", "ended", "database"
KILLED = "killed"  # like TIMEOUT, by the limit on the file's process
MAX_HEADING, HEADING_START = 240, 160  # characters of an exception that a heading has, and those of its beginning
FRAME, CODE = "File ", "  "  # how lines of `ImportFailure.trace` begin: where, and the source there
# Of PythonVirtualenvOperator, when it is made (airflow.operators.python).
_WANTED_PACKAGE = re.compile(r"^Airflow\w*Exception: \w+ requires (virtualenv), please install it")
DATABASE_TOUCH, NETWORK_TOUCH = "database", "network"  # kinds of OutsideCall


@dataclass(frozen=True)
class ImportFailure:
    """Why Airflow does not get what it looks for, or not all of it, from a file.

    `trace` has the user's frames and the last one of a library, or the last output of a process that died.
    """

    kind: str
    said: str  # one line, as `KeyError: 'a'`
    path: str  # where it is in the user's files: the file that Airflow reads, or what it imports
    line: int  # 0 where it is not known
    trace: tuple[str, ...]
    missing: str = ""  # the module that was not found, where that is why
    of_connection: bool = False  # a connection to a host failed
    subjects: tuple[Subject, ...] = ()  # what was not there, or not taken
    aws: str = ""  # why AWS could not be asked here: "credentials", "region", "answer" or "refused"
    asked_by: str = ""  # of Airflow's own modules, the one whose class asked the database while it was made
    library: str = ""  # an installed module that lacks what was wanted of it: `pandas.core.frame`
    file: str = ""  # that was not found, where that is why

    @classmethod
    def from_answer(cls, item: Mapping[str, Any]) -> ImportFailure:
        """Return the failure that a probe describes."""
        return cls(
            kind=item["kind"],
            said=item["said"],
            path=item["path"],
            line=item["line"],
            trace=tuple(item["trace"]),
            missing=item["missing"] or _missing_package(item["said"]),
            of_connection=item["connection"],
            subjects=subjects_of(item),
            aws=item.get("aws", ""),
            asked_by=item.get("asked_by", ""),
            library=item.get("library", ""),
            file=item.get("file", ""),
        )

    @property
    def heading(self) -> str:
        """`said`, with the middle left out where it is long: what failed comes first, and what was given last."""
        if len(self.said) <= MAX_HEADING:
            return self.said
        return f"{self.said[:HEADING_START].rstrip()} … {self.said[-(MAX_HEADING - HEADING_START) :].lstrip()}"

    @property
    def is_of_library(self) -> bool:
        """Whether it happened in a package's own module, which the user's file imports."""
        frames = [line for line in self.trace if line.startswith(FRAME)]
        return bool(frames) and not frames[-1].startswith(f'{FRAME}"{self.path}"')

    @property
    def names_mwaa_home(self) -> bool:
        """Whether the exception's text names a path of MWAA's containers; few exceptions have it as a value."""
        return MWAA_HOME in self.said

    @property
    def text(self) -> str:
        """The shortened traceback, the error last."""
        return "\n".join([*self.trace, self.said])

    @property
    def code(self) -> tuple[str, ...]:
        """The lines of source in the traceback."""
        return tuple(line.strip() for line in self.trace if _is_code(line))

    @property
    def own_code(self) -> str:
        """The last line of the user's own source that ran; "" where none is known."""
        own = [number for number, line in enumerate(self.trace) if line.startswith(f'{FRAME}"{self.path}"')]
        following = self.trace[own[-1] + 1 : own[-1] + 2] if own else ()
        return next((line.strip() for line in following if _is_code(line)), "")


@dataclass(frozen=True)
class OutsideCall:
    """A call at the top level that left the process. `what` is the host, or what was asked of the database."""

    kind: str
    what: str
    path: str
    line: int


class ImportingFile(Protocol):
    """A file that Airflow imports, with what it did until it failed."""

    @property
    def path(self) -> str: ...  # below the project's folder

    @property
    def asked(self) -> tuple[AskedValue, ...]: ...

    @property
    def touches(self) -> tuple[OutsideCall, ...]: ...


def _missing_package(said: str) -> str:
    """Return the package that Airflow itself asks to install; "" in all other exceptions."""
    found = _WANTED_PACKAGE.search(said)
    return found[1] if found else ""


def _is_code(line: str) -> bool:
    return line.startswith(CODE) and line.strip() != "^"  # the mark below what Python cannot read


def subjects_of(item: Mapping[str, Any]) -> tuple[Subject, ...]:
    """Return the subjects of an answer's member."""
    return tuple(Subject(**subject) for subject in item["subjects"])
