"""`python -m mwaa_local.api.environments.work FOLDER LOCK`: carry out the operation that is in a project's record.

LOCK is the descriptor that holds the lock of the environment's operations. This process ends with the operation, or
when the environment has to wait for its owner; whoever kills it, another one goes on from the record.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.creating import create, fail_create
from mwaa_local.api.environments.deleting import delete, fail_delete
from mwaa_local.api.environments.hints import for_caller
from mwaa_local.api.environments.job import Failure, Gone, Job, say
from mwaa_local.api.environments.updating import fail_update, update
from mwaa_local.errors import MwaaLocalError
from mwaa_local.project import Project

# A worker that dies each time is not begun again for ever.
MAX_ATTEMPTS = 20
BUG_CODE = "InternalFailure"
OPERATIONS: dict[str, tuple[Callable[[Job], None], Callable[[Job, Failure], None]]] = {
    records.CREATE: (create, fail_create),
    records.UPDATE: (update, fail_update),
    records.DELETE: (delete, fail_delete),
}


def main(argv: list[str]) -> None:
    folder, lock = Path(argv[0]), int(argv[1])
    os.set_inheritable(lock, False)  # what is started here outlives the operation
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    project = Project(folder)
    record = records.load(project)
    if record is None or record.operation is None or record.operation.kind not in OPERATIONS:
        return
    job = Job(project, os.environ, record.operation.id)
    try:
        work(job)
    except Gone:
        say("the operation is over: somebody else ended it, or removed the environment")


def work(job: Job) -> None:
    """Carry the operation out, or note why that failed."""
    operation = job.operation
    do, fail = OPERATIONS[operation.kind]
    say(f"{operation.kind} {operation.id}, phase: {operation.phase}")
    failure = _failure_of(lambda: _begin(job, do))
    if failure is None:
        return
    record, hint = job.record, failure.hint
    if record.made_by == records.BY_API:
        hint = for_caller(hint, job.project.root_dir, record, f"{failure.what} {failure.why}")
    job.tell(f"{operation.kind} failed: {failure.what}", failure.why, hint, is_failure=True)
    second = _failure_of(lambda: fail(job, failure))
    if second is not None:
        job.tell(
            f"what follows a failed {operation.kind} failed: {second.what}", second.why, second.hint, is_failure=True
        )
        job.settle(records.UNAVAILABLE, lambda record: record)


def _begin(job: Job, do: Callable[[Job], None]) -> None:
    attempts = job.operation.attempts + 1
    if attempts > MAX_ATTEMPTS:
        raise MwaaLocalError(f"its worker ended {MAX_ATTEMPTS} times before it was done", "", "see operations.out")
    job.change(
        lambda record: (
            replace(record, operation=replace(record.operation, attempts=attempts)) if record.operation else record
        )
    )
    job.faults.sleep_if_slow()
    do(job)


def _failure_of(do: Callable[[], None]) -> Failure | None:
    """Do it; return why it failed, None when it did not. A mistake of ours is a failure of the operation, too."""
    try:
        do()
    except Gone:
        raise
    except MwaaLocalError as error:
        say(str(error))
        return Failure.of(error)
    except Exception as error:  # noqa: BLE001 - an operation ends in a status, and the log has the traceback
        traceback.print_exc()
        hint = "the log operations.out has the traceback; please report it"
        return Failure(BUG_CODE, f"a mistake in mwaa-local: {type(error).__name__}: {error}", "", hint)
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
