"""The Databases protocol: what a runtime keeps of a project's metadata databases, and what can be done with them.

Each release has its own. So a move to another release works on a copy under that release's name, and the database of
before stays as it is. Nothing here knows which runtime is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from mwaa_local.errors import DatabaseExists, DatabaseInUse, DatabaseMissing
from mwaa_local.event import Event
from mwaa_local.wanted import Wanted

# An Airflow version, with a word behind it for a copy that is no environment's: `2.11.2`, `2.11.2-rehearsal`.
NAME_PATTERN = re.compile(r"\d+(?:\.\d+)+(?:-[a-z0-9]+)?")


class Databases(Protocol):
    """The metadata databases that one project keeps in one runtime, one for each release (Airflow version).

    They are called by that version; a copy for another purpose may have a word behind it, as `2.11.2-rehearsal`.
    Whoever copies, makes, opens or removes one of a stopped environment holds the project meanwhile
    (`Workspace.exclusive`): `up` ends what it finds at work in a stopped environment. What a killed command left behind
    is found and removed, or ended, at the next call.
    """

    def versions(self) -> tuple[str, ...]:
        """Return which there are, oldest first."""

    def opened(self, version: str) -> AbstractContextManager[str]:
        """Give a `postgresql://` URL on 127.0.0.1 of the database, as its superuser.

        Where no environment runs on it, its server runs meanwhile, alone, and is ended in order. May be nested.
        Raises DatabaseMissing, and DatabaseInUse where another command has it open.
        """

    def create(self, wanted: Wanted, version: str, on_event: Callable[[Event], None]) -> None:
        """Make one by the first migration of `wanted.release` and store it under `version`, mostly the same.

        It has what that puts in, default pool, roles and users, and nothing else. Raises DatabaseExists.
        """

    def prepare(self, wanted: Wanted, on_event: Callable[[Event], None]) -> None:
        """Have what commands of `wanted.release` need, its packages or its image, before anything is begun with them.

        What is there already costs a look. An environment may run meanwhile. Raises PythonUnavailable,
        PackagesUnavailable, ImageBuildFailed, DiskFull.
        """

    def copy(self, version: str, to_version: str) -> None:
        """Store a copy under another version, with the same password. Nothing may run on it.

        Raises DatabaseMissing, DatabaseExists, DatabaseInUse, DiskFull.
        """

    def run(
        self,
        wanted: Wanted,
        version: str,
        commands: Sequence[Sequence[str]],
        on_event: Callable[[Event], None],
        script: Path | None = None,
    ) -> None:
        """Run Airflow commands, the words after `airflow`, upon the database stored under `version`.

        With `script` they are words for that program of ours, below `guest/`, which may import Airflow.

        They are those of `wanted.release`, with its own packages alone and the variables of `migrate-db`; the database
        may be another release's. Raises ComponentFailed with the last lines of the first that fails, and where the
        release's migration ended without the revision of its schema.
        """

    def remove(self, version: str) -> None:
        """Remove one, if it is there. Raises DatabaseInUse where an environment runs on it."""

    def tidy(self) -> None:
        """End and remove what killed commands left behind; whatever another command has open stays as it is."""


def is_for_a_while(name: str) -> bool:
    """Whether a database is a copy for another purpose: whoever removes it has no more use for its password."""
    return "-" in name


def by_age(names: Iterable[str]) -> tuple[str, ...]:
    """Return those that are names of databases, oldest version first."""

    def age(name: str) -> tuple[list[int], str]:
        version, _, word = name.partition("-")
        return [int(number) for number in version.split(".")], word

    return tuple(sorted(filter(NAME_PATTERN.fullmatch, names), key=age))


def missing(version: str, known: Sequence[str]) -> DatabaseMissing:
    """Return the error for a database that is not there."""
    there = f"There are those of {', '.join(known)}." if known else "There is none."
    return DatabaseMissing(
        f"this project has no database of Airflow {version} here",
        f"{there} Processes and Docker keep their own.",
        "`mwaa-local up` makes it",
    )


def exists(version: str) -> DatabaseExists:
    """Return the error for a database whose name is taken."""
    return DatabaseExists(
        f"there is a database of Airflow {version} already",
        "Nothing is written over one that is there.",
        f"`mwaa-local reset-db --airflow-version {version}` removes it",
    )


def in_use(version: str) -> DatabaseInUse:
    """Return the error for a database on which an environment runs."""
    return DatabaseInUse(
        f"the environment runs on the database of Airflow {version}",
        "Only a stopped one can be copied or removed.",
        "mwaa-local down",
    )


def is_open(version: str) -> DatabaseInUse:
    """Return the error for a database that another command has open."""
    return DatabaseInUse(
        f"another mwaa-local command has the database of Airflow {version} open", hint="wait for it to end"
    )
