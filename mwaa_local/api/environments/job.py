"""Job: what every operation stands on: the record with its phases, and the environment, started and stopped.

In the worker's process alone, which holds the lock of the environment's operations.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.environment_file import local_of, with_aws
from mwaa_local.api.environments.faults import Faults
from mwaa_local.api.environments.hints import for_caller
from mwaa_local.api.environments.members import NAME, TAGS
from mwaa_local.api.environments.record import Operation, Record
from mwaa_local.environment.environment import Environment
from mwaa_local.environment.kinds import AwsMode
from mwaa_local.environment.local import LocalSettings
from mwaa_local.errors import MwaaLocalError
from mwaa_local.event import COUNTING, Event
from mwaa_local.healthy import wait_until_healthy
from mwaa_local.lifecycle import Lifecycle, Listener
from mwaa_local.local_aws import owner_of, running_aws
from mwaa_local.project import Project
from mwaa_local.remarks import ERROR, Remark
from mwaa_local.restoring.record import record_path as restore_path
from mwaa_local.runtime.choice import remembered
from mwaa_local.services.calls import note_role
from mwaa_local.workspace import Workspace

RUNTIME_VARIABLE = "MWAA_LOCAL_RUNTIME"  # as `up --runtime` reads it
OTHERS_TIMEOUT_S = 900.0  # for which a command that changes the same environment is waited for
LEAVING_PAUSE_S = 2.0  # between two looks whether workers have ended


class Gone(Exception):
    """The record, or the operation of this worker, is there no more."""


@dataclass(frozen=True)
class Failure:
    """Why an operation did not succeed. `code` is ours: MWAA's are not documented."""

    code: str
    what: str
    why: str = ""
    hint: str = ""

    @classmethod
    def of(cls, error: MwaaLocalError) -> Failure:
        return cls(type(error).__name__, " ".join(error.what.split()), error.why, error.hint)


class Job:
    """One operation of one environment."""

    def __init__(self, project: Project, env: Mapping[str, str], operation_id: str) -> None:
        self.project = project
        self.env = dict(env)
        self.workspace = Workspace(project, self.env)
        self.faults = Faults.around(project)
        self._id = operation_id
        self._healthy_at = 0.0

    @property
    def record(self) -> Record:
        record = records.load(self.project)
        if record is None or record.operation is None or record.operation.id != self._id:
            raise Gone
        return record

    @property
    def operation(self) -> Operation:
        operation = self.record.operation
        assert operation is not None
        return operation

    def change(self, to: Callable[[Record], Record]) -> None:
        """Change the record. Raises Gone where the operation is another one by now."""

        def guarded(record: Record) -> Record:
            if record.operation is None or record.operation.id != self._id:
                raise Gone
            return to(record)

        if records.change(self.project, guarded) is None:
            raise Gone

    def has_waited(self, seconds: float) -> bool:
        """Say whether the operation began so long ago."""
        return time.time() > self.operation.began + seconds

    def phase(self, phase: str) -> None:
        say(phase)
        self.change(lambda record: record.with_phase(phase))

    def tell(self, what: str, why: str = "", hint: str = "", *, is_failure: bool = False) -> None:
        """Note an event."""
        say(what)
        if self.record.made_by == records.BY_API:
            hint = for_caller(hint, self.project.root_dir, replace(self.record, operation=None), f"{what} {why}")
        self.change(lambda record: record.with_event(what, why, hint, is_failure=is_failure))

    def settle(self, settled: str, change: Callable[[Record], Record]) -> None:
        """End the operation: `settled` is what it leaves behind."""
        say(f"over: {settled}")
        healthy_at = self._healthy_at
        self.change(lambda record: replace(change(record), settled=settled, operation=None, healthy_at=healthy_at))

    def local(self) -> LocalSettings:
        """Return the Local section; with the present address of its owner's AWS, which may have another port by now."""
        local, owner = local_of(self.project), owner_of(self.project)
        if owner == self.project or isinstance(local.aws, AwsMode):
            return local
        return with_aws(local, running_aws(owner, self.env))

    def environment(self, members: Mapping[str, Any], local: LocalSettings) -> Environment:
        record = self.record
        tags = {TAGS: dict(record.tags)} if record.tags else {}
        return Environment.from_members({NAME: record.name, **members, **tags}, local)

    @property
    def listener(self) -> Listener:
        return Listener(_say_event, self._remark)

    def lifecycle(self) -> Lifecycle:
        return Lifecycle(self.workspace, self.listener)

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the project, after whoever changes it now."""
        return self.workspace.exclusive(OTHERS_TIMEOUT_S)

    def runtime_kind(self) -> str:
        """Return in which runtime the environment is to be, as `up --runtime` has it.

        One that this operation has stopped starts where it was: `up --runtime` may have named that, its data are there.
        """
        return self.operation.ran_in or self.env.get(RUNTIME_VARIABLE) or self.local().runtime

    def note_runtime(self, kind: str = "") -> None:
        """Note in which runtime the environment is, or was: that which runs, if none is named.

        In the record: a worker that is killed is followed by another one, which finds nothing that runs.
        """
        if found := kind or remembered(self.project):
            self.change(lambda record: record.with_runtime(found))

    def start(self, environment: Environment, *, graceful: bool = False) -> None:
        """Bring the environment up and see that it is healthy. Raises what `up` raises, or ComponentNotReady."""
        if (owner := owner_of(self.project)) != self.project:
            note_role(owner, environment.name, environment.execution_role_arn)
        with self.exclusive():
            self.settle_restore()
            lifecycle = self.lifecycle()
            lifecycle.choose(self.operation.ran_in or self.env.get(RUNTIME_VARIABLE) or environment.local.runtime)
            for remark in lifecycle.up(environment, graceful=graceful).remarks:
                if remark.severity == ERROR:
                    self._remark(remark)
            wait_until_healthy(lifecycle)
            self.saw_healthy()

    def settle_restore(self) -> None:
        """Tidy up what a killed restore left, before its database is used. Whoever calls holds the project."""
        if not restore_path(self.project).exists():
            return
        from mwaa_local.restoring.settling import settle

        try:
            self.tell(settle(self.workspace))
        except MwaaLocalError as error:  # what is in the way need not be in that of this operation
            self.tell(f"a restore was cut off: {error.what}", error.why, error.hint)

    def saw_healthy(self) -> None:
        self._healthy_at = time.time()

    def wait_for_workers(self) -> None:
        """Wait until the workers of before have ended: when their tasks have, LEAVE_TIMEOUT_S later at the latest."""
        runtime = self.workspace.runtime
        while (plan := runtime.running_plan()) is not None and plan.leaving:
            with self.workspace.exclusive_for_a_moment() as is_held:
                # Anew: a worker that the observer has added since would be sent away.
                if is_held and (plan := runtime.running_plan()) is not None:
                    runtime.resize(plan)  # tidies
            time.sleep(LEAVING_PAUSE_S)

    def stop(self, *, now: bool) -> None:
        self._healthy_at = 0.0
        with self.exclusive():
            self.note_runtime()
            self.lifecycle().down(now=now)

    def _remark(self, remark: Remark) -> None:
        self.tell(f"{remark.subject}: {remark.what}", remark.why, remark.hint, is_failure=remark.severity == ERROR)


def say(text: str) -> None:
    """Write a line into the log of the environment's operations."""
    print(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {text}", file=sys.stderr, flush=True)


def _say_event(event: Event) -> None:
    if event.state != COUNTING:  # too many for a log
        say(f"{event.component}: {event.state} {event.detail}".rstrip())
