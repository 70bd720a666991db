"""Resume: what becomes of an operation that is in a record though nobody works on it.

A worker that was killed is followed by another one; each phase can be begun again. A command of the user's that was
killed is not repeated: it counts as failed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.adopted import CUT_OFF, failed
from mwaa_local.api.environments.record import Record
from mwaa_local.api.environments.worker import start_worker, take_lock
from mwaa_local.project import Project
from mwaa_local.workspace import Workspace


class Resume:
    """Begins again what somebody has to go on with."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = dict(env)

    def __call__(self, project: Project, record: Record) -> None:
        assert record.operation is not None
        if record.operation.kind == records.UP:
            self._end_up(project, record.operation.id)
            return
        lock = take_lock(project)
        if lock is None:  # a worker is at it
            return
        current = records.load(project)
        if current is not None and current.operation is not None and self._is_due(current):
            start_worker(project, lock, self._env)
        else:
            os.close(lock)

    def _is_due(self, record: Record) -> bool:
        assert record.operation is not None
        return record.operation.phase != records.PENDING

    def _end_up(self, project: Project, operation_id: str) -> None:
        if Workspace(project, self._env).is_being_changed:
            return

        def to(record: Record) -> Record:
            if record.operation is None or record.operation.id != operation_id:
                return record
            return failed(record, CUT_OFF, time.time())

        records.change(project, to)
