"""Served: one environment as the API answers about it, and what may be asked of it in which status.

Which calls MWAA refuses in which status is not documented, nor are its words. What is refused here: everything while
another operation goes on, and an update of what was never made.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.endpoints import endpoint_service_names
from mwaa_local.api.environments.members import NAME, STRATEGY, VERSION, changed, described, kept, refuse_graceful
from mwaa_local.api.environments.prerequisites import refuse_unfit
from mwaa_local.api.environments.record import Operation, Record, RecordedEvent
from mwaa_local.api.environments.status import CREATE_FAILED, PENDING, Look, status_of
from mwaa_local.api.environments.upgrading import refuse_move
from mwaa_local.api.environments.worker import A_LOOK_S, WORKER_END_S, start_worker, take_lock
from mwaa_local.api.http.errors import VALIDATION, ServiceError, not_found, ours
from mwaa_local.project import Project
from mwaa_local.secrets import load_secrets
from mwaa_local.web_address import WebAddress

if TYPE_CHECKING:
    from mwaa_local.api.environments.registry import Registry

MAX_TAGS = 50  # the model's TagMap, which a single call cannot break; several can


class Served:
    """One environment, as its record was when it was found; its components are looked at when asked."""

    def __init__(self, registry: Registry, project: Project, record: Record) -> None:
        self._registry = registry
        self.project = project
        self.record = record

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def is_own(self) -> bool:
        """Whether it is that of the project whose API this is."""
        return self.project == self._registry.own

    @property
    def members(self) -> dict[str, Any]:
        """Members as CreateEnvironment takes them, defaults included; without Tags."""
        return {NAME: self.record.name, **self.record.members}

    @property
    def tags(self) -> Mapping[str, str]:
        return self.record.tags

    @property
    def created_at(self) -> float:
        return self.record.created_at

    @property
    def last_update(self) -> Mapping[str, Any] | None:
        return self.record.last_update

    @property
    def events(self) -> list[RecordedEvent]:
        """What happened, the oldest first."""
        return list(self.record.events)

    @property
    def look(self) -> Look:
        """What was seen of the components lately."""
        return self._registry.looks.look(self.project, self.record.healthy_at)

    @property
    def status(self) -> str:
        return status_of(self.record, self.look)

    def answered(self, region: str) -> Mapping[str, Any]:
        """Return members that only GetEnvironment's answer has."""
        return endpoint_service_names(self.record, region)

    @property
    def door(self) -> WebAddress | None:
        """Where the front door answers; None when it does not run."""
        return self.look.door

    @property
    def door_key(self) -> str:
        return load_secrets(self.project.state_dir).door_key

    def set_tags(self, tags: Mapping[str, str]) -> None:
        def to(record: Record) -> Record:
            after = {**record.tags, **tags}
            if len(after) > MAX_TAGS:
                raise ours(VALIDATION, f"environment {self.name} would have {len(after)} tags; {MAX_TAGS} are allowed")
            return replace(record, tags=after)

        self._changed(to)

    def remove_tags(self, keys: Iterable[str]) -> None:
        gone = set(keys)
        self._changed(
            lambda record: replace(record, tags={key: value for key, value in record.tags.items() if key not in gone})
        )

    def update(self, changes: Mapping[str, Any]) -> None:
        """Begin an update with these members of UpdateEnvironment. Raises ServiceError."""

        refuse_unfit(self.project, self._registry.env, {**self.members, **changes}, changes)

        def begin(record: Record) -> Operation:
            if record.operation is not None or self._status(record) == CREATE_FAILED:
                raise _wrong_status(record.name, self._status(record), "updated")
            refuse_move(record.name, record.members[VERSION], changes)
            refuse_graceful(record.members[VERSION], changes)
            # Whole, as CreateEnvironment would have them, so that rules between members are looked at, too.
            wanted = kept(described({NAME: record.name, **changed(record.members, changes)}))
            return Operation.new(records.UPDATE, wanted, replacement=changes.get(STRATEGY, ""))

        self._begin(begin, "UpdateEnvironment was accepted", "updated")

    def delete(self) -> None:
        """Begin the deletion. Raises ServiceError while another operation goes on."""

        def begin(record: Record) -> Operation:
            status = self._status(record)
            if record.operation is not None and status != PENDING:
                raise _wrong_status(record.name, status, "deleted")
            return Operation.new(records.DELETE, {})

        self._begin(begin, "DeleteEnvironment was accepted", "deleted")

    def _begin(self, begin: Callable[[Record], Operation], event: str, verb: str) -> None:
        """Put an operation into the record, and a worker to it; of several callers one wins."""
        lock = self._lock(verb)
        try:
            self._changed(lambda record: replace(record, operation=begin(record)).with_event(event))
        except BaseException:
            os.close(lock)
            raise
        start_worker(self.project, lock, self._registry.env)

    def _lock(self, verb: str) -> int:
        """Return the lock of the environment's operations. Raises ServiceError while one goes on."""
        deadline = time.monotonic() + WORKER_END_S
        while True:
            lock = take_lock(self.project, A_LOOK_S)
            if lock is not None:
                return lock
            current = records.load(self.project)
            if current is None:
                raise not_found(self.name)
            # A worker that has ended its operation, or leaves it waiting, is about to end itself.
            is_worked_on = current.operation is not None and current.operation.phase != records.PENDING
            if is_worked_on or time.monotonic() > deadline:
                raise _wrong_status(self.name, self._status(current), verb)

    def _status(self, record: Record) -> str:
        return status_of(record, self.look)

    def _changed(self, to: Callable[[Record], Record]) -> None:
        after = records.change(self.project, to)
        if after is None:
            raise not_found(self.name)
        self.record = after


def _wrong_status(name: str, status: str, verb: str) -> ServiceError:
    if (status, verb) == (CREATE_FAILED, "updated"):  # the service's words, from a public report; others are not known
        return ServiceError(VALIDATION, f"Environments with {status} status cannot be updated.")
    return ours(VALIDATION, f"environment {name} is {status} and cannot be {verb} now")
