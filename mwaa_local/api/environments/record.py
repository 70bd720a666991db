"""Record: what is kept of one environment between calls, in a private file of its project.

Written whole, under a lock, so that whoever is killed at any point leaves the record of before or that of after. What
changes by itself, as health does, is not in it: `status` looks.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mwaa_local import flock
from mwaa_local.errors import StateCorrupted
from mwaa_local.files import make_private, read_json, write_private
from mwaa_local.project import Project

FOLDER = "mwaa"  # below the project's state folder
RECORD_NAME = "environment.json"
RECORD_LOCK_NAME = "record.lock"
MAX_EVENTS = 200  # the oldest go first
BY_API, BY_UP = "api", "up"  # who made the environment

# The kinds of operations. `up` is a command of the user's, and nobody but the user begins it again.
CREATE, UPDATE, DELETE, UP = "create", "update", "delete", "up"

# The phases that a status depends on; the others are for people.
ACCEPTED = "accepted"
PENDING = "waiting for VPC endpoints"
ROLLING_BACK = "rolling back"
SNAPSHOT = "taking a snapshot"
UPGRADED = "looking at the new release"  # its data have come along: what follows is a start

# What an operation left behind, by MWAA's names of statuses.
AVAILABLE, CREATE_FAILED, UPDATE_FAILED, UNAVAILABLE = "AVAILABLE", "CREATE_FAILED", "UPDATE_FAILED", "UNAVAILABLE"

SUCCESS, FAILED, IN_PROGRESS = "SUCCESS", "FAILED", "PENDING"  # of LastUpdate
# How names of folders begin that are not environments yet, or no more; 32 hexadecimal digits follow.
UNFINISHED, REMOVED = ".mwaa-local-new-", ".mwaa-local-gone-"
LEFT_BEHIND = re.compile(rf"({re.escape(UNFINISHED)}|{re.escape(REMOVED)})[0-9a-f]{{32}}")
HINT = "restore the file, or remove it: then the environment is known anew from the next `mwaa-local up` on"


@dataclass(frozen=True)
class RecordedEvent:
    """Something that happened to the environment, in our words."""

    at: float  # epoch seconds
    what: str  # one line
    why: str = ""  # any number of lines
    hint: str = ""
    is_failure: bool = False


@dataclass(frozen=True)
class Operation:
    """What is being done to the environment. It is over when the record has none."""

    kind: str  # CREATE, UPDATE, DELETE or UP
    id: str
    began: float  # epoch seconds
    phase: str = ACCEPTED
    wanted: Mapping[str, Any] = field(default_factory=dict)  # members as they are to be
    replacement: str = ""  # WorkerReplacementStrategy of an update
    attempts: int = 0  # how often somebody set about it
    failure: Mapping[str, Any] = field(default_factory=dict)  # why it is being rolled back: an event
    ran_in: str = ""  # in which runtime the environment was before this stopped it

    @classmethod
    def new(cls, kind: str, wanted: Mapping[str, Any], **more: Any) -> Operation:
        return cls(kind, uuid.uuid4().hex, time.time(), wanted=dict(wanted), **more)


@dataclass(frozen=True)
class Record:
    """One environment as the API knows it."""

    name: str
    made_by: str  # BY_API or BY_UP
    created_at: float  # epoch seconds
    members: Mapping[str, Any]  # of CreateEnvironment, defaults included; without Name and Tags
    tags: Mapping[str, str] = field(default_factory=dict)
    settled: str = ""  # how the last operation ended; "" where none has ended yet
    operation: Operation | None = None
    last_update: Mapping[str, Any] | None = None  # as GetEnvironment has it, its time in epoch seconds
    events: Sequence[RecordedEvent] = ()
    healthy_at: float = 0.0  # when whoever started it saw it healthy, epoch seconds

    def with_event(
        self, what: str, why: str = "", hint: str = "", *, is_failure: bool = False, at: float | None = None
    ) -> Record:
        event = RecordedEvent(time.time() if at is None else at, what, why, hint, is_failure)
        return replace(self, events=(*self.events, event)[-MAX_EVENTS:])

    def with_phase(self, phase: str) -> Record:
        assert self.operation is not None
        return replace(self, operation=replace(self.operation, phase=phase))

    def with_runtime(self, kind: str) -> Record:
        """Return it with the runtime in which the environment was before the operation stopped it."""
        assert self.operation is not None
        return replace(self, operation=replace(self.operation, ran_in=kind))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Record:
        operation = plain.get("operation")
        return cls(
            **{
                **plain,
                "operation": Operation(**operation) if operation else None,
                "events": tuple(RecordedEvent(**event) for event in plain.get("events", ())),
            }
        )


def service_dir(project: Project) -> Path:
    """Return the folder of what the API keeps of a project's environment."""
    return project.state_dir / FOLDER


def record_path(project: Project) -> Path:
    return service_dir(project) / RECORD_NAME


def load(project: Project) -> Record | None:
    """Return the record of a project's environment, None without one. Raises StateCorrupted for a damaged file."""
    path = record_path(project)
    if not path.exists():
        return None
    try:
        plain = read_json(path, "the record of the environment", HINT)
    except StateCorrupted:
        if not path.exists():  # deleted just now
            return None
        raise
    try:
        return Record.from_json(plain)
    except TypeError as error:
        raise StateCorrupted(
            f"the record of the environment is not what was written: {path}", str(error), HINT
        ) from error


def save(project: Project, record: Record) -> None:
    """Write a record where nobody else can be writing one: into a new folder."""
    write_private(record_path(project), json.dumps(record.to_json(), indent=1))


def change(project: Project, to: Callable[[Record], Record]) -> Record | None:
    """Replace the record by what `to` makes of it; return that. None, and nothing done, where there is no record."""
    if not record_path(project).exists():  # nothing is made anew below an environment that was deleted
        return None
    with locked(project):
        before = load(project)
        if before is None:
            return None
        after = to(before)
        if after != before:
            save(project, after)
        return after


@contextlib.contextmanager
def locked(project: Project) -> Iterator[None]:
    """Hold a project's record for one change of it, for as long as it takes to write a file."""
    project.make_state_dir()
    folder = make_private(service_dir(project))
    with flock.held(folder / RECORD_LOCK_NAME):
        yield


def last_update(status: str, *, at: float, source: str = "", error: tuple[str, str] | None = None) -> dict[str, Any]:
    """Return LastUpdate as GetEnvironment answers it; `error` is a code and a message of one line."""
    plain: dict[str, Any] = {"Status": status, "CreatedAt": at}
    if source:
        plain["Source"] = source
    if error:
        plain["Error"] = {"ErrorCode": error[0], "ErrorMessage": error[1]}
    return plain
