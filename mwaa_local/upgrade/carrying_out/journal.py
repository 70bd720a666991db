"""The journal of an upgrade: what was begun and what has to be undone, in a private file of the project.

Written whole, and on the disk before the step begins that it names. Whoever is killed at any point leaves the journal
of that step or of the one before, and both say enough. It is there as long as the upgrade is not over.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mwaa_local.errors import StateCorrupted
from mwaa_local.files import read_json, sync_folder, write_surely
from mwaa_local.project import Project

JOURNAL_NAME = "upgrade.json"  # below the project's state folder
HINT = "set AirflowVersion in mwaa.yaml to the release that you want, and remove the file; databases are not touched"

# The steps, in their order; the words are for people, too.
STOPPING = "stopping the environment"
SNAPSHOT = "taking a snapshot"  # this and ROLLING_BACK are phases of the API's record, too
COPYING = "copying the database"
MIGRATING = "migrating the copy"
SWITCHING = "changing mwaa.yaml"
STARTING = "starting the new release"
RUNNING = "running the named DAGs"  # the new release is up and healthy
ROLLING_BACK = "rolling back"
STEPS = (STOPPING, SNAPSHOT, COPYING, MIGRATING, SWITCHING, STARTING, RUNNING)
RUNS_TARGET = (STARTING, RUNNING)  # in which the new release may write messages into the queue

# The status that GetEnvironment of MWAA has meanwhile.
STATUS_UPDATING, STATUS_SNAPSHOT, STATUS_ROLLING_BACK = "UPDATING", "CREATING_SNAPSHOT", "ROLLING_BACK"
STATUS_AVAILABLE, STATUS_FAILED, STATUS_UNAVAILABLE = "AVAILABLE", "UPDATE_FAILED", "UNAVAILABLE"
STATUS_OF = {SNAPSHOT: STATUS_SNAPSHOT, ROLLING_BACK: STATUS_ROLLING_BACK}


@dataclass(frozen=True)
class StatusChange:
    """One word of the way that the environment's status took."""

    status: str
    at: float  # epoch seconds


@dataclass(frozen=True)
class Journal:
    """An upgrade that is not over."""

    source: str  # Airflow versions
    target: str
    runtime: str  # "docker" or "process"
    began: float  # epoch seconds
    file_before: str | None  # mwaa.yaml as it was, in base64; None where there was none
    file_after: str  # as the upgrade writes it, in base64
    is_started_again: bool  # whether a rollback brings the release of before up again
    port: int | None = None  # the web server's, where it is not the environment file's
    dags: tuple[str, ...] = ()  # to be run
    dags_done: tuple[str, ...] = ()
    step: str = STOPPING
    snapshot: str = ""  # name of that of the source's database; "" until it is there, and where there was no database
    target_snapshot: str = ""  # of a database that the target had already
    target_database: str = ""  # what has become of that (`database_move`)
    aside: str = ""  # under which name it is kept meanwhile
    statuses: tuple[StatusChange, ...] = ()
    failed_in: str = ""  # the step that a rollback goes back from
    failure: Mapping[str, str] = field(default_factory=dict)  # why: code, what, why, hint

    @property
    def is_undone(self) -> bool:
        """Whether a killed upgrade is undone from here; else it is finished."""
        return self.step != RUNNING

    @property
    def is_available(self) -> bool:
        """Whether it has succeeded: then there is only something to tidy up."""
        return bool(self.statuses) and self.statuses[-1].status == STATUS_AVAILABLE

    @property
    def snapshots(self) -> tuple[str, ...]:
        """Names of those that were taken."""
        return tuple(filter(None, (self.snapshot, self.target_snapshot)))

    @property
    def before(self) -> bytes | None:
        return None if self.file_before is None else base64.b64decode(self.file_before)

    @property
    def after(self) -> bytes:
        return base64.b64decode(self.file_after)

    def at(self, step: str, **changes: Any) -> Journal:
        """Return the journal of the next step, with the status that goes with it."""
        return replace(self, step=step, **changes).with_status(STATUS_OF.get(step, STATUS_UPDATING))

    def with_status(self, status: str) -> Journal:
        """Return it with this status, from now on; the same where that is the status already."""
        if self.statuses and self.statuses[-1].status == status:
            return self
        return replace(self, statuses=(*self.statuses, StatusChange(status, time.time())))


def route(statuses: Sequence[StatusChange]) -> str:
    """Return the way of a status, as `UPDATING → AVAILABLE`."""
    return " → ".join(each.status for each in statuses)


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def journal_path(project: Project) -> Path:
    return project.state_dir / JOURNAL_NAME


def load(project: Project) -> Journal | None:
    """Return the journal of an upgrade that is not over; None without one. Raises StateCorrupted."""
    path = journal_path(project)
    if not path.exists():
        return None
    plain = read_json(path, "the journal of an upgrade", HINT)
    try:
        return Journal(
            **{
                **plain,
                "dags": _words(plain["dags"]),
                "dags_done": _words(plain["dags_done"]),
                "statuses": tuple(StatusChange(**each) for each in plain["statuses"]),
            }
        )
    except (TypeError, KeyError) as error:
        raise StateCorrupted(f"the journal of an upgrade is not what was written: {path}", str(error), HINT) from error


def save(project: Project, journal: Journal) -> Journal:
    """Have the journal on the disk, whole; return it. Raises DiskFull or AccessDenied: then that of before stays."""
    project.make_state_dir()
    write_surely(journal_path(project), json.dumps(asdict(journal), indent=1).encode())
    return journal


def remove(project: Project) -> None:
    """The upgrade is over."""
    journal_path(project).unlink(missing_ok=True)
    sync_folder(project.state_dir)


def _words(plain: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(each) for each in plain)
