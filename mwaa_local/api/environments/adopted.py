"""Environments that `mwaa-local up` made, as the API knows them: their members come from `mwaa.yaml`.

`up` and `down` say what they do by the functions here. One that came up otherwise, as by an older version, is known
from the moment on at which somebody asks for it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.members import SOURCE_MEMBERS, VERSION, kept
from mwaa_local.api.environments.record import Operation, Record, last_update
from mwaa_local.api.environments.worker import A_LOOK_S, WORKER_END_S, take_lock
from mwaa_local.errors import AlreadyRunning, MwaaLocalError, UpgradeFailed
from mwaa_local.project import Project
from mwaa_local.runtime.choice import existing_runtime

if TYPE_CHECKING:
    from mwaa_local.environment.environment import Environment
    from mwaa_local.upgrade.carrying_out.journal import Journal

UPGRADE_SOURCE = "mwaa-local upgrade"
SOURCE = "mwaa-local up"  # of LastUpdate; MWAA's own words for its sources are not documented
INTERRUPTED = ("it was interrupted", "", "mwaa-local up")
UPGRADE_CUT_OFF = ("`mwaa-local upgrade` was killed", "The next command undoes or finishes it.", "mwaa-local up")
CUT_OFF = ("`mwaa-local up` was killed", "What it had started may run.", "mwaa-local up")


def adopted(project: Project, env: Mapping[str, str]) -> Record | None:
    """Return a record, made now, of an environment that runs and has none; None where nothing runs."""
    if not project.run_dir.exists():
        return None
    from mwaa_local.environment.environment import Environment

    try:
        runtime = existing_runtime(project, env)
        if not runtime.running:
            return None
        environment = Environment.load(project)
    except MwaaLocalError:
        return None
    record = replace(_new(environment), settled=records.AVAILABLE).with_event("found running")
    return _first(project, record)


@contextlib.contextmanager
def noted_up(project: Project, environment: Environment) -> Iterator[None]:
    """Note around `up` that it brings the environment up, and how that ended."""
    with _noted(project, environment, SOURCE) as note:
        yield
        note.came_up(environment)


@contextlib.contextmanager
def noted_upgrade(project: Project, environment: Environment, to_version: str) -> Iterator[Note]:
    """Note around an upgrade what is done; whoever does it says each step, and at last what came up."""
    with _noted(project, environment, f"{UPGRADE_SOURCE} --to {to_version}") as note:
        yield note


class Note:
    """What is written into the record while a command of the user's changes the environment."""

    def __init__(self, project: Project, command: str, began: float) -> None:
        self._project, self._command, self._began = project, command, began

    def step(self, journal: Journal) -> None:
        """Have the step's status shown."""
        phase = journal.step if journal.step in (records.SNAPSHOT, records.ROLLING_BACK) else records.ACCEPTED
        records.change(self._project, lambda record: record.with_phase(phase) if record.operation else record)

    def came_up(self, environment: Environment) -> None:
        records.change(self._project, lambda record: _came_up(record, environment, self._began, self._command))


@contextlib.contextmanager
def _noted(project: Project, environment: Environment, command: str) -> Iterator[Note]:
    began = time.time()
    first = _first(project, _new(environment))
    lock = take_lock(project, A_LOOK_S if first.operation else WORKER_END_S)
    if lock is None:
        raise AlreadyRunning(
            f"environment {first.name} is being changed through the API",
            "Its status names what is done: aws mwaa get-environment.",
            "wait for the end of that",
        )
    try:
        operation = Operation.new(records.UP, kept(environment))
        records.change(project, lambda record: _begun(record, operation, command))
        yield Note(project, command, began)
    except BaseException as error:
        why = (error.what, error.why, error.hint) if isinstance(error, MwaaLocalError) else INTERRUPTED
        settled = _settled_by(error)
        records.change(project, lambda record: failed(record, why, began, command, settled))
        raise
    finally:
        os.close(lock)


def note_settled(project: Project, at: Journal, line: str) -> None:
    """Note what became of a killed upgrade, where it was a command's: a worker of the API's notes that itself."""

    def to(record: Record) -> Record:
        if record.operation is not None and record.operation.kind != records.UP:
            return record
        version = at.target if at.is_available else at.source
        settled = records.AVAILABLE if at.is_available else records.UPDATE_FAILED
        members = {**record.members, VERSION: version}
        return replace(record, members=members, settled=settled, operation=None).with_event(line)

    records.change(project, to)


def _settled_by(error: BaseException) -> str:
    """Return what an upgrade that failed has left; "" where that of before holds."""
    statuses = getattr(error, "statuses", ()) if isinstance(error, (UpgradeFailed, KeyboardInterrupt)) else ()
    return statuses[-1][0] if statuses else ""


def note_down(project: Project, *, with_data: bool) -> None:
    """Note that the environment was stopped."""
    what = "stopped by `mwaa-local down`" + (" --volumes, its data removed" if with_data else "")
    records.change(project, lambda record: record.with_event(what))


def _begun(record: Record, operation: Operation, command: str) -> Record:
    """Return the record with a command as what is done now; an operation on which nobody works any more gives way."""
    event = f"`{command}` began"
    if record.operation is not None:
        event += f", in place of an operation that was killed ({record.operation.kind}, {record.operation.phase})"
    return replace(record, operation=operation).with_event(event)


def failed(record: Record, why: tuple[str, str, str], began: float, command: str = SOURCE, settled: str = "") -> Record:
    """Return the record after a command that did not end well; `settled` is what that has left, if it says so."""
    what, reason, hint = why
    line = " ".join(what.split())
    update = last_update(records.FAILED, at=began, source=command, error=("mwaa-local", line[:1024]))
    after = replace(
        record, operation=None, last_update=update, settled=settled or record.settled or records.CREATE_FAILED
    )
    return after.with_event(f"`{command}` failed: {line}", reason, hint, is_failure=True)


def _came_up(record: Record, environment: Environment, began: float, command: str) -> Record:
    members = kept(environment)
    if record.made_by == records.BY_API:  # its file does not say where in the bucket its files are
        members = {**{name: record.members[name] for name in SOURCE_MEMBERS if name in record.members}, **members}
    return replace(
        record,
        name=environment.name,
        members=members,
        tags=dict(environment.tags) if record.made_by == records.BY_UP and environment.tags else record.tags,
        settled=records.AVAILABLE,
        operation=None,
        last_update=last_update(records.SUCCESS, at=began, source=command),
        healthy_at=time.time(),
    ).with_event(f"`{command}` ended; all components are ready")


def _new(environment: Environment) -> Record:
    return Record(environment.name, records.BY_UP, time.time(), kept(environment), dict(environment.tags))


def _first(project: Project, record: Record) -> Record:
    """Keep a record where there is none; return the one that is there then."""
    with records.locked(project):
        known = records.load(project)
        if known is None:
            records.save(project, record)
        return known or record
