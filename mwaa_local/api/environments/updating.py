"""UpdateEnvironment, carried out: new files and members, started and looked at; on failure, all as it was before."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from mwaa_local.api.environments import environment_file, upgrading
from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.creating import STARTING, copy_files, error_of, source_of
from mwaa_local.api.environments.delivered import Delivered
from mwaa_local.api.environments.faults import ROLLBACK_FAILS, UPDATE_FAILS
from mwaa_local.api.environments.job import Failure, Job, say
from mwaa_local.api.environments.members import GRACEFUL, STRATEGY, VERSION
from mwaa_local.api.environments.record import Record, last_update
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import MwaaLocalError
from mwaa_local.sync.state import SyncState

REPLACING = "waiting for the tasks of the workers of before"


def update(job: Job) -> None:
    """Bring the environment into its wanted state. Raises what keeps it from becoming healthy."""
    operation = job.operation
    if operation.phase == records.ROLLING_BACK:  # a worker died in the middle of that
        _go_back(job, Failure(**operation.failure))
        return
    is_upgrade = upgrading.is_upgrade(job)
    if job.record.made_by == records.BY_API and operation.phase != records.UPGRADED:
        copy_files(job)
    if is_upgrade:
        _upgrade(job, operation)
        return
    job.phase(STARTING)
    graceful = operation.replacement == GRACEFUL
    _start(job, operation.wanted, graceful=graceful)
    job.faults.fail(UPDATE_FAILS, "UpdateEnvironment")
    if graceful:
        job.phase(REPLACING)
        job.wait_for_workers()
    _end(job, operation)


def _upgrade(job: Job, operation: records.Operation) -> None:
    """Move to another release. What can fail it is within the upgrade, which undoes all; once that is over, nothing."""

    def wanted() -> Environment:
        job.faults.fail(UPDATE_FAILS, "UpdateEnvironment")
        return _environment(job, operation.wanted)

    if operation.phase == records.UPGRADED:  # a worker died after that
        upgrading.settle(job)
    elif upgrading.upgrade(job, wanted):
        job.saw_healthy()
        _end(job, operation)
        return
    try:
        _start(job, operation.wanted)
    except MwaaLocalError as error:  # the data are those of the new release: nothing goes back any more
        job.tell(f"the upgrade is done, but it does not run: {error.what}", error.why, error.hint, is_failure=True)
        told = last_update(records.FAILED, at=operation.began, error=error_of(Failure.of(error)))
        job.settle(records.UNAVAILABLE, lambda record: replace(record, members=operation.wanted, last_update=told))
        Delivered(job.project).forget_kept()
    else:
        _end(job, operation)


def _end(job: Job, operation: records.Operation) -> None:
    job.settle(records.AVAILABLE, lambda record: _updated(record, operation))
    Delivered(job.project).forget_kept()


def fail_update(job: Job, failure: Failure) -> None:
    """Roll back: the files, options and counts of before, started and looked at again."""

    def to(record: Record) -> Record:
        assert record.operation is not None
        return replace(
            record, operation=replace(record.operation, phase=records.ROLLING_BACK, failure=asdict(failure))
        ).with_event("rolling back to the state before the update")

    job.change(to)
    _go_back(job, failure)


def _go_back(job: Job, failure: Failure) -> None:
    operation, record = job.operation, job.record
    update = {
        **last_update(records.FAILED, at=operation.began, error=error_of(failure)),
        **_strategy(operation),
    }
    try:
        upgrading.settle(job)
        job.faults.fail(ROLLBACK_FAILS, "the rollback")
        for what in Delivered(job.project).put_back(operation.id):
            job.tell(what, is_failure=True)
        if SyncState(job.project).source and record.members.get("SourceBucketArn"):
            SyncState(job.project).comes_from(source_of(record.members))
        _start_anyhow(job, record.members)
    except MwaaLocalError as error:
        job.tell(f"the rollback failed: {' '.join(error.what.split())}", error.why, error.hint, is_failure=True)
        job.settle(records.UNAVAILABLE, lambda record: replace(record, last_update=update))
        return
    after = "rolled back: the environment runs as before the update"
    job.settle(records.UPDATE_FAILED, lambda record: replace(record, last_update=update).with_event(after))
    Delivered(job.project).forget_kept()


def _start_anyhow(job: Job, members: Mapping[str, Any]) -> None:
    """Start the environment of before; where what the update left is in the way, after everything was stopped."""
    try:
        _start(job, members)
    except MwaaLocalError as error:
        say(f"{error}\nstopping everything, and starting once more")
        job.stop(now=True)
        _start(job, members)


def _start(job: Job, members: Mapping[str, Any], *, graceful: bool = False) -> None:
    """Start the environment with these members."""
    job.start(_environment(job, members), graceful=graceful)


def _environment(job: Job, members: Mapping[str, Any]) -> Environment:
    """Return what is to run. A file that we wrote is written anew; a user's stays as it is."""
    record, local = job.record, job.local()
    path = job.project.environment_path
    if record.made_by == records.BY_API:
        if environment_file.is_ours(job.project) or not os.path.lexists(path):
            environment_file.write(job.project, record.name, members, record.tags, local)
        else:
            why = "It does not begin with the lines by which a file of ours is known, so it counts as its user's."
            job.tell(f"{path.name} stays as it is", why, "remove it to have it written anew")
    return job.environment(members, local)


def _updated(record: Record, operation: records.Operation) -> Record:
    update = {**last_update(records.SUCCESS, at=operation.began), **_strategy(operation)}
    after = replace(record, members=operation.wanted, last_update=update)
    event = "updated: all components are ready and the health page answers"
    if record.made_by == records.BY_UP and _besides_version(record.members) != _besides_version(operation.wanted):
        why = "`mwaa-local up` follows mwaa.yaml, which an update through the API does not change."
        return after.with_event(event, why, "write the changed members into mwaa.yaml to keep them")
    return after.with_event(event)


def _besides_version(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members but for the one that an upgrade writes into mwaa.yaml, whoever began it."""
    return {name: value for name, value in members.items() if name != VERSION}


def _strategy(operation: records.Operation) -> dict[str, str]:
    return {STRATEGY: operation.replacement} if operation.replacement else {}
