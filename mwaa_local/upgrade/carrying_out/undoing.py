"""Undo an upgrade: the database and the environment file as they were, and the release of before up again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mwaa_local.errors import MwaaLocalError, PortInUse, UpgradeFailed
from mwaa_local.healthy import wait_until_healthy
from mwaa_local.upgrade.carrying_out import environment_file, journal
from mwaa_local.upgrade.carrying_out.free_ports import upgrade_on_free_port

if TYPE_CHECKING:
    from mwaa_local.upgrade.carrying_out.carrying import Carrying

RESUMED = "the next command that changes this environment goes on with it: mwaa-local up"


def undo_after(carrying: Carrying, error: BaseException) -> BaseException:
    """Undo all because of an error; return what to raise: that error, or UpgradeFailed for one of a user's."""
    at = carrying.journal
    if at.step != journal.ROLLING_BACK:
        # A disk that is full has room again once the copy is removed: that must not wait for this line.
        carrying.save_if_possible(at.at(journal.ROLLING_BACK, failed_in=at.step, failure=_failure(error)))
    carrying.tell_step()
    if isinstance(error, PortInUse) and carrying.upgrade.wanted is None:
        error.hint = upgrade_on_free_port(error.hint, at.target)
    second = undo(carrying, is_started_again=at.is_started_again)
    return _told(carrying, error, second)


def undo(carrying: Carrying, *, is_started_again: bool) -> MwaaLocalError | None:
    """Undo all; return why the release of before did not come up again, None where it did or need not.

    Raises what keeps the data from being brought back: then the journal stays, and the next command goes on.
    """
    carrying.watch.tell(f"rolling back to Airflow {carrying.journal.source}", "working")
    try:
        carrying.lifecycle.down(now=True)
        carrying.lifecycle.runtime.databases.tidy()
        if carrying.journal.failed_in in journal.RUNS_TARGET:
            carrying.lifecycle.runtime.remove_queue()  # its messages name runs that only the new release has
        carrying.save(carrying.target_database.undo(carrying.journal))  # first: it frees what a full disk lacks
        environment_file.bring_back(carrying.workspace.project, carrying.journal)
    except MwaaLocalError as error:
        carrying.save_if_possible(carrying.journal.with_status(journal.STATUS_UNAVAILABLE))
        carrying.tell_step()
        error.why = f"{error.why}\nThe rollback is not done; nothing of before is lost.".lstrip()
        error.hint = f"{error.hint}; then {RESUMED}" if error.hint else RESUMED
        raise
    except KeyboardInterrupt:
        carrying.watch.tell(f"interrupted while rolling back: {RESUMED}")
        raise
    failed = _start_again(carrying) if is_started_again else None
    status = journal.STATUS_UNAVAILABLE if failed else journal.STATUS_FAILED
    carrying.save_if_possible(carrying.journal.with_status(status))
    carrying.tell_step()
    journal.remove(carrying.workspace.project)
    carrying.watch.tell(f"status: {journal.route(carrying.journal.statuses)}")
    return failed


def _start_again(carrying: Carrying) -> MwaaLocalError | None:
    try:
        # By its version: `up --airflow-version` may have named one that is not the file's.
        before = replace(carrying.workspace, airflow_version=carrying.journal.source)
        carrying.lifecycle.up(before.environment(), carrying.journal.port)
        wait_until_healthy(carrying.lifecycle)
    except MwaaLocalError as error:
        return error
    return None


def _failure(error: BaseException) -> dict[str, str]:
    if isinstance(error, MwaaLocalError):
        return {"code": type(error).__name__, "what": error.what, "why": error.why, "hint": error.hint}
    what = "it was interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"
    return {"code": type(error).__name__, "what": what, "why": "", "hint": ""}


def _told(carrying: Carrying, error: BaseException, second: MwaaLocalError | None) -> BaseException:
    at = carrying.journal
    if not isinstance(error, MwaaLocalError):
        return _with_what_is_left(error, carrying)  # an interrupt stays one
    with_data = ", with its database" if at.snapshot else ""  # else there is none, or it was not touched yet
    why = [error.why, f"Airflow {at.source} is back{with_data}."]
    if second is not None:
        why[1] = f"The data of Airflow {at.source} is back, but it did not start: {second.what}\n{second.why}"
    why += [f"The snapshot stays: `mwaa-local db forget {name}` removes it." for name in at.snapshots]
    failed = UpgradeFailed(
        f"the upgrade from Airflow {at.source} to {at.target} failed while {at.failed_in}: {error.what}",
        "\n".join(filter(None, why)),
        error.hint,
    )
    failed.exit_code = error.exit_code
    return _with_what_is_left(failed, carrying)


def _with_what_is_left(error: BaseException, carrying: Carrying) -> BaseException:
    """Return the error with the members of UpgradeFailed, which an interrupt gets, too."""
    at = carrying.journal
    error.statuses = tuple((each.status, each.at) for each in at.statuses)  # type: ignore[attr-defined]
    error.snapshot, error.replaced_snapshot = at.snapshot, at.target_snapshot  # type: ignore[attr-defined]
    error.runs = tuple(each.plain() for each in carrying.runs)  # type: ignore[attr-defined]
    return error
