"""What commands do first that change the environment: undo or finish an upgrade that was killed, and say so."""

from __future__ import annotations

from mwaa_local.cli.session import Session
from mwaa_local.upgrade.carrying_out.journal import journal_path


def settle_killed_upgrade(session: Session, *, runs_dags: bool = False) -> None:
    """Do so, before the environment file is read, which may change by it. Costs a look where there is none.

    If `runs_dags`, DAGs that were named and have not run are run. Raises AlreadyRunning while an upgrade goes on,
    UpgradeFailed where a DAG fails.
    """
    if not journal_path(session.project).exists():
        return
    from mwaa_local.upgrade.carrying_out.settling import settle

    with session.exclusive():
        settled = settle(session, session.watch(), runs_dags=runs_dags)
    if settled is not None:
        session.console.say(settled.line)
        if settled.is_undone:
            session.console.say(f"its status: {settled.path}; the environment is stopped")
