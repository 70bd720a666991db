"""What commands do first that change the environment: settle an upgrade or a restore that was killed, and say so."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from mwaa_local.cli.session import Session
from mwaa_local.errors import AlreadyRunning, MwaaLocalError, StateCorrupted
from mwaa_local.restoring import record
from mwaa_local.scratch import remove_abandoned
from mwaa_local.upgrade.carrying_out import journal


def settle_killed(session: Session, *, runs_dags: bool = False, if_free: bool = False) -> None:
    """Do so, before the environment file is read, which may change by it. Costs a look where there is none.

    If `runs_dags`, DAGs that were named for an upgrade and have not run are run. Raises AlreadyRunning while an upgrade
    or a restore goes on, unless that is to be settled only `if_free`; UpgradeFailed where a DAG fails.
    """
    remove_abandoned(record.SCRATCH_PREFIX, session.project.state_dir)  # of who was killed before there was a record
    if not _is_there(session):
        return
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(session.exclusive())
        except AlreadyRunning:
            if if_free:
                return
            raise
        settle_held(session, runs_dags=runs_dags)


def settle_held(session: Session, *, runs_dags: bool = False) -> None:
    """Do the same for who holds the project already."""
    _settle_restore(session)
    if not journal.journal_path(session.project).exists():
        return
    from mwaa_local.api.environments.adopted import note_settled
    from mwaa_local.upgrade.carrying_out.settling import settle

    settled = settle(session, session.watch(), runs_dags=runs_dags)
    if settled is not None:
        note_settled(session.project, settled.journal, settled.line)
        session.console.say(settled.line)


def _is_there(session: Session) -> bool:
    project = session.project
    return journal.journal_path(project).exists() or record.record_path(project).exists()


def _settle_restore(session: Session) -> None:
    if not record.record_path(session.project).exists():
        return
    from mwaa_local.restoring.settling import settle

    try:
        record.load(session.project)
    except StateCorrupted as error:  # no command gets further with it
        session.console.say(f"{error.what}: {error.hint}")
        return
    try:
        session.console.say(settle(session))
    except MwaaLocalError as error:  # what is in the way need not be in that of this command, which may even mend it
        then = f" ({error.hint})" if error.hint else ""
        session.console.say(f"a restore was cut off, and the next command tidies up: {error.what}{then}")


def as_after_unfinished(session: Session) -> Session:
    """Return a session with the release that an upgrade that is not over will end with; the same where there is none.

    Until then the environment file may have the other one.
    """
    at = journal.load(session.project)
    return session if at is None else replace(session, airflow_version=at.source if at.is_undone else at.target)


def line_of_unfinished(upgrade: dict[str, str]) -> str:
    """Return what `unfinished_upgrade` tells, for people."""
    return f"upgrade to Airflow {upgrade['to']}: {upgrade['step']}; {upgrade['next']}"


def unfinished_upgrade(session: Session) -> dict[str, str] | None:
    """Return the upgrade that is not over, and what is done about it; None without one. Nothing is changed."""
    at = journal.load(session.project)
    if at is None:
        return None
    is_killed = True
    if session.project.run_dir.is_dir():  # else nobody holds anything
        with session.exclusive_for_a_moment() as is_killed:
            pass  # whoever carries one out holds the project
    then = "undoes" if at.is_undone else "finishes"
    return {
        "from": at.source,
        "to": at.target,
        "step": at.step,
        "status": at.statuses[-1].status if at.statuses else "",
        "next": f"it was killed; the next `mwaa-local up` or `down` {then} it" if is_killed else "it goes on",
    }
