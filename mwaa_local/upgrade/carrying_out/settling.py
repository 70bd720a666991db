"""An upgrade that was killed: found by the next command that changes the environment, and undone or finished.

Up to the start of the new release it is undone; once that was healthy, it is finished.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mwaa_local.lifecycle import Lifecycle, Started
from mwaa_local.release import Release
from mwaa_local.upgrade.carrying_out import journal
from mwaa_local.upgrade.carrying_out.carrying import Carrying, Upgrade, Watch
from mwaa_local.upgrade.carrying_out.journal import Journal
from mwaa_local.upgrade.carrying_out.undoing import undo
from mwaa_local.workspace import Workspace


@dataclass(frozen=True)
class Settled:
    """What became of a killed upgrade."""

    journal: Journal
    is_undone: bool
    not_run: tuple[str, ...] = ()  # of the DAGs that were named

    @property
    def line(self) -> str:
        """What was done, for people."""
        at = self.journal
        if self.is_undone:
            return (
                f"an upgrade to Airflow {at.target} was cut off while {at.failed_in}: undone, this is Airflow "
                f"{at.source} again, and it is stopped"
            )
        left = f"; not run: {', '.join(self.not_run)}" if self.not_run else ""
        return f"an upgrade to Airflow {at.target} was cut off while {journal.RUNNING}: finished{left}"


def settle(
    workspace: Workspace, watch: Watch, *, runs_dags: bool = False, lifecycle: Lifecycle | None = None
) -> Settled | None:
    """Undo or finish what a killed upgrade left; None where there is nothing. Whoever calls holds the project.

    The environment is stopped after it was undone. If `runs_dags`, DAGs that were named and not run yet are run, and
    if one fails, the upgrade is rolled back. Raises what `carry_out` raises.
    """
    at = journal.load(workspace.project)
    if at is None:
        return None
    carrying = _carrying(workspace, watch, lifecycle or Lifecycle(workspace, watch.listener), at)
    if at.is_undone:
        return Settled(_undone(carrying), is_undone=True)
    left = at.dags[len(at.dags_done) :]
    if not (left and runs_dags):
        carrying.end()
        return Settled(carrying.journal, is_undone=False, not_run=left)
    carrying.or_undo(lambda: carrying.finish(_started(carrying)))
    return Settled(carrying.journal, is_undone=False)


def _carrying(workspace: Workspace, watch: Watch, lifecycle: Lifecycle, at: Journal) -> Carrying:
    lifecycle.choose(at.runtime)
    # What is started is the target's, whatever `up --airflow-version` asks for: that comes afterwards.
    workspace = replace(workspace, airflow_version=at.target)
    source, target = Release.load(at.source), Release.load(at.target)
    return Carrying(workspace, Upgrade(source, target, at.runtime, at.port, at.dags), watch, lifecycle, at)


def _undone(carrying: Carrying) -> Journal:
    at = carrying.journal
    if at.step != journal.ROLLING_BACK:
        failure = {"code": "Killed", "what": "it was killed", "why": "", "hint": ""}
        carrying.save(at.at(journal.ROLLING_BACK, failed_in=at.step, failure=failure))
        carrying.watch.on_step(carrying.journal)
    undo(carrying, is_started_again=False)
    return carrying.journal


def _started(carrying: Carrying) -> Started:
    plan = carrying.lifecycle.runtime.running_plan()
    if plan is None:
        return carrying.start()
    return Started(plan, carrying.lifecycle.runtime, carrying.journal.runtime, ())
