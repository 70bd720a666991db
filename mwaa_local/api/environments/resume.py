"""Resume: what becomes of an operation that is in a record though nobody works on it.

A worker that was killed is followed by another one; each phase can be begun again. A command of the user's that was
killed is not repeated: it counts as failed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.adopted import CUT_OFF, SOURCE, UPGRADE_CUT_OFF, UPGRADE_SOURCE, failed
from mwaa_local.api.environments.endpoints import ENDPOINTS_TIMEOUT_S, missing_endpoints
from mwaa_local.api.environments.record import Record
from mwaa_local.api.environments.worker import start_worker, take_lock
from mwaa_local.project import Project
from mwaa_local.upgrade.carrying_out.journal import journal_path

ASK_EVERY_S = 1.0


class Resume:
    """Begins again what somebody has to go on with."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = dict(env)
        self._asked: dict[Path, float] = {}  # when EC2 was, monotonic seconds

    def __call__(self, project: Project, record: Record) -> None:
        """Do so for the operation of this record, unless somebody works on it."""
        lock = take_lock(project)
        if lock is None:
            return
        current = records.load(project)
        operation = current.operation if current is not None else None
        if current is None or operation is None:  # it ended just now
            os.close(lock)
        elif operation.kind == records.UP:
            is_upgrade = journal_path(project).exists()
            why, command = (UPGRADE_CUT_OFF, UPGRADE_SOURCE) if is_upgrade else (CUT_OFF, SOURCE)
            records.change(project, lambda record: failed(record, why, operation.began, command))
            os.close(lock)
        elif operation.phase == records.PENDING and not self._may_go_on(project, current):
            os.close(lock)
        else:
            start_worker(project, lock, self._env)

    def _may_go_on(self, project: Project, record: Record) -> bool:
        """Say whether what an environment waits for is there, or was waited for long enough."""
        operation = record.operation
        assert operation is not None
        if time.time() > operation.began + ENDPOINTS_TIMEOUT_S:
            return True
        last = self._asked.get(project.root_dir, float("-inf"))
        if time.monotonic() < last + ASK_EVERY_S:
            return False
        self._asked[project.root_dir] = time.monotonic()
        return not missing_endpoints(project, record, self._env)
