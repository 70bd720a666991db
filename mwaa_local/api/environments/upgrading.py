"""UpdateEnvironment with another AirflowVersion: the upgrade of `mwaa-local upgrade --yes`, begun and told by the API.

MWAA rehearses nothing before it, and neither is it done here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.members import VERSION
from mwaa_local.api.http.errors import VALIDATION, ours
from mwaa_local.errors import MoveRefused
from mwaa_local.release import Release

if TYPE_CHECKING:
    from collections.abc import Callable

    from mwaa_local.api.environments.job import Job
    from mwaa_local.environment.environment import Environment
    from mwaa_local.upgrade.carrying_out.carrying import Watch
    from mwaa_local.upgrade.carrying_out.journal import Journal
    from mwaa_local.upgrade.carrying_out.settling import Settled


def refuse_move(name: str, now: str, changes: Mapping[str, Any]) -> None:
    """Raise ServiceError for a version to which MWAA does not take the environment; the words are ours."""
    from mwaa_local.upgrade.paths import checked_move

    wanted = changes.get(VERSION)
    if wanted is None or wanted == now or wanted not in Release.versions():  # the last is refused with other members
        return
    try:
        checked_move(Release.load(now), Release.load(wanted))
    except MoveRefused as error:
        why = f"environment {name} cannot go from Airflow {now} to {wanted}: {error.why} {error.hint}"
        raise ours(VALIDATION, why) from error


def is_upgrade(job: Job) -> bool:
    """Whether the operation takes the environment to another release."""
    return job.operation.wanted.get(VERSION) not in (None, job.record.members[VERSION])


def upgrade(job: Job, wanted: Callable[[], Environment]) -> bool:
    """Bring data and environment to the wanted release; on failure the data are as they were, and nothing runs.

    `wanted` is called when the data have come along, and returns what is started then. Returns whether that was just
    seen healthy: not so where only what a killed worker had left was finished. Raises UpgradeFailed.
    """
    from mwaa_local.upgrade.carrying_out.carrying import Upgrade, carry_out

    source, target = (Release.load(each[VERSION]) for each in (job.record.members, job.operation.wanted))
    with job.exclusive():
        settled = _settle(job)
        if settled is not None and not settled.is_undone and settled.journal.target == target.airflow_version:
            job.phase(records.UPGRADED)  # the data have come along: what was before must not be taken once more
            return False
        job.settle_restore()
        job.note_runtime()
        request = Upgrade(source, target, job.runtime_kind(), wanted=wanted, is_started_again=False)
        carry_out(job.workspace, request, _watch(job))
    return True


def settle(job: Job) -> None:
    """Undo or finish what a killed worker has left of an upgrade."""
    with job.exclusive():
        _settle(job)


def _settle(job: Job) -> Settled | None:
    from mwaa_local.upgrade.carrying_out.settling import settle as settled_by

    settled = settled_by(job.workspace, _watch(job, tells_steps=False))
    if settled is not None:
        job.note_runtime(settled.journal.runtime)
        job.tell(settled.line)
    return settled


def _watch(job: Job, *, tells_steps: bool = True) -> Watch:
    from mwaa_local.upgrade.carrying_out.carrying import Watch

    def on_step(at: Journal) -> None:
        if at.step == records.ROLLING_BACK:  # `fail_update` says so, with the reason
            return
        # Before the journal goes: whoever follows a worker that dies then must not begin the upgrade again.
        job.phase(records.UPGRADED if at.statuses[-1].status == records.AVAILABLE else at.step)
        if at.step == records.SNAPSHOT:
            job.tell("taking a snapshot of the metadata database")

    return Watch(job.listener, on_step) if tells_steps else Watch(job.listener)
