"""The status of an environment: what its record says, and what is seen when one looks.

No status says more than is true. AVAILABLE means that a moment ago all components were ready and the health page
answered through the front door; an environment that was stopped is UNAVAILABLE.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.record import Record
from mwaa_local.errors import MwaaLocalError
from mwaa_local.event import ComponentStatus, amiss
from mwaa_local.healthy import health_page_answers
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.runtime.choice import existing_runtime
from mwaa_local.web_address import WebAddress

CREATING_SNAPSHOT = "CREATING_SNAPSHOT"
CREATING, UPDATING, DELETING, PENDING, ROLLING_BACK = "CREATING", "UPDATING", "DELETING", "PENDING", "ROLLING_BACK"
AVAILABLE, UNAVAILABLE = records.AVAILABLE, records.UNAVAILABLE
CREATE_FAILED, UPDATE_FAILED = records.CREATE_FAILED, records.UPDATE_FAILED

LOOK_LASTS_S = 5.0  # how long what was seen counts as seen lately
# A web server of Airflow 3 that builds its task API answers nothing for so long on a slow machine (`airflow`).
SILENCE_S = 20.0


@dataclass(frozen=True)
class Look:
    """What was seen of an environment's components."""

    at: float  # monotonic seconds
    is_running: bool = False
    is_healthy: bool = False
    why: str = ""  # not healthy
    door: WebAddress | None = None
    statuses: tuple[ComponentStatus, ...] = ()
    plan: Plan | None = field(default=None, repr=False)  # it holds secrets
    is_sure: bool = True  # that nothing runs, where nothing was seen


class Looks:
    """The newest look at each project's environment; another one is taken when that is too old."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._looks: dict[Path, Look] = {}
        self._answered: dict[Path, float] = {}  # when the page last did, epoch seconds
        self._locks: dict[Path, threading.Lock] = {}
        self._changes: dict[Path, int] = {}  # how often something was changed; a look from before counts no more
        self._storing = threading.Lock()  # held for a moment, never during a look

    def look(self, project: Project, healthy_at: float = 0.0) -> Look:
        """Return what is seen of a project's environment, or was within the last seconds.

        `healthy_at`: when somebody else saw it healthy, in epoch seconds.
        """
        root = project.root_dir
        with self._locks.setdefault(root, threading.Lock()):  # callers that come together look once
            known = self._looks.get(root)
            if known is not None and time.monotonic() <= known.at + LOOK_LASTS_S:
                return known
            changes = self._changes.get(root, 0)
            seen = self._look(project, healthy_at)
            with self._storing:
                if self._changes.get(root, 0) == changes:
                    self._looks[root] = seen
                return self._looks.get(root, seen)

    def know(self, project: Project, look: Look) -> None:
        """Take over what somebody has just seen."""
        with self._storing:
            self._changes[project.root_dir] = self._changes.get(project.root_dir, 0) + 1
            self._looks[project.root_dir] = look

    def forget(self, project: Project) -> None:
        """Look anew when asked next: something was changed."""
        with self._storing:
            self._changes[project.root_dir] = self._changes.get(project.root_dir, 0) + 1
            self._looks.pop(project.root_dir, None)

    def _look(self, project: Project, healthy_at: float) -> Look:
        nothing = Look(time.monotonic(), why="it is not running")
        if not project.run_dir.exists():
            return nothing
        try:
            runtime = existing_runtime(project, self._env)
            plan = runtime.running_plan()
            if plan is None:
                return nothing
            statuses = tuple(runtime.status())
        except MwaaLocalError as error:  # an engine that does not answer, or another version of this launcher
            return replace(nothing, is_sure=False, why=error.what)
        why = ", ".join(f"{item.name} is {item.state}" for item in amiss(statuses))
        if not why and not self._page_answers(project, plan, healthy_at):
            why = "the health page does not answer"
        return Look(nothing.at, True, not why, why, WebAddress.of(plan), statuses, plan)

    def _page_answers(self, project: Project, plan: Plan, healthy_at: float) -> bool:
        """Say whether the health page answers, or did so shortly ago: a busy web server is silent for a while."""
        if health_page_answers(plan):
            self._answered[project.root_dir] = time.time()
            return True
        return time.time() < max(self._answered.get(project.root_dir, 0.0), healthy_at) + SILENCE_S


def status_of(record: Record, look: Look, *, is_cut_off: bool = False) -> str:
    """Return the environment's status, a word of MWAA's model.

    `is_cut_off`: the command that the record has as its operation does not run any more.
    """
    operation = record.operation
    if operation is not None and not is_cut_off:
        return _in_progress(record, operation)
    if look.is_healthy:
        return record.settled if record.settled in (UPDATE_FAILED, UNAVAILABLE) else AVAILABLE
    never_up = record.settled in ("", CREATE_FAILED)
    return CREATE_FAILED if never_up and not look.is_running else UNAVAILABLE


def _in_progress(record: Record, operation: records.Operation) -> str:
    if operation.kind == records.DELETE:
        return DELETING
    if operation.phase == records.PENDING:
        return PENDING
    if operation.phase == records.ROLLING_BACK:
        return ROLLING_BACK
    if operation.phase == records.SNAPSHOT:
        return CREATING_SNAPSHOT
    if operation.kind == records.CREATE or not record.settled:
        return CREATING
    return UPDATING
