"""What commands do first that change the environment: undo or finish an upgrade that was killed, and say so."""

from __future__ import annotations

from dataclasses import replace

from mwaa_local.cli.session import Session
from mwaa_local.upgrade.carrying_out import journal


def settle_killed_upgrade(session: Session, *, runs_dags: bool = False) -> None:
    """Do so, before the environment file is read, which may change by it. Costs a look where there is none.

    If `runs_dags`, DAGs that were named and have not run are run. Raises AlreadyRunning while an upgrade goes on,
    UpgradeFailed where a DAG fails.
    """
    if not journal.journal_path(session.project).exists():
        return
    with session.exclusive():
        settle_held(session, runs_dags=runs_dags)


def settle_held(session: Session, *, runs_dags: bool = False) -> None:
    """Do the same for who holds the project already."""
    if not journal.journal_path(session.project).exists():
        return
    from mwaa_local.api.environments.adopted import note_settled
    from mwaa_local.upgrade.carrying_out.settling import settle

    settled = settle(session, session.watch(), runs_dags=runs_dags)
    if settled is not None:
        note_settled(session.project, settled.journal, settled.line)
        session.console.say(settled.line)


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
