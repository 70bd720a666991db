"""`mwaa-local upgrade --yes`: the upgrade carried out, and what is shown of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from mwaa_local.api.environments.adopted import noted_upgrade
from mwaa_local.cli.session import Session
from mwaa_local.console import Console
from mwaa_local.errors import UpgradeFailed
from mwaa_local.release import Release
from mwaa_local.upgrade.carrying_out.carrying import Upgrade, Upgraded, carry_out
from mwaa_local.upgrade.carrying_out.journal import StatusChange, route
from mwaa_local.web_address import WebAddress

RUNNING_TASKS = "running tasks get 90 seconds to end; MWAA ends them without waiting"


def carry_out_and_tell(
    session: Session,
    target: Release,
    dags: Sequence[str],
    *,
    runtime: str | None,
    port: int | None,
    as_json: bool,
) -> None:
    """Carry it out and show how it went; whoever calls has looked whether MWAA takes the move. Raises UpgradeFailed."""
    began = time.monotonic()
    environment = session.environment()
    source = session.release(environment)
    wanted = Upgrade(source, target, runtime or environment.local.runtime, port, tuple(dags))
    session.console.say(f"upgrading from Airflow {source.airflow_version} to {target.airflow_version}; {RUNNING_TASKS}")
    try:
        with session.exclusive(), noted_upgrade(session.project, environment, target.airflow_version) as note:
            upgraded = carry_out(session, wanted, session.watch(note.step))
            note.came_up(session.environment())
    except UpgradeFailed as error:
        statuses = tuple(StatusChange(status, at) for status, at in error.statuses)
        if as_json:
            session.console.show_json(_failed(source, target, statuses, error))
        raise
    if as_json:
        session.console.show_json(_plain(upgraded, time.monotonic() - began))
    else:
        _show(session.console, upgraded, time.monotonic() - began)


def _show(console: Console, upgraded: Upgraded, elapsed_s: float) -> None:
    at = upgraded.journal
    console.say(f"\nAirflow {at.target} is AVAILABLE after {elapsed_s:.1f} s: {route(upgraded.statuses)}")
    door = WebAddress.of(upgraded.started.plan)
    if door is not None:
        console.say(f"  web server  {console.colour(door.url, '')}")
    for name in filter(None, (at.snapshot, at.target_snapshot)):
        console.say(f"  snapshot    {name}")
    if at.snapshot:
        console.say(f"  before      the database of Airflow {at.source} stays as it was")
    console.say(f"  next        mwaa-local status; back with mwaa-local upgrade --to {at.source} --yes")


def _plain(upgraded: Upgraded, elapsed_s: float) -> dict[str, Any]:
    at = upgraded.journal
    door = WebAddress.of(upgraded.started.plan)
    return {
        "from": at.source,
        "to": at.target,
        "status": upgraded.statuses[-1].status,
        "statuses": _times(upgraded.statuses),
        "snapshot": at.snapshot or None,
        "replaced_snapshot": at.target_snapshot or None,
        "url": door.url if door else None,
        "runs": [{"dag_id": dag_id, **dates.plain()} for dag_id, dates in upgraded.runs],
        "elapsed_s": round(elapsed_s, 2),
        "error": None,
    }


def _failed(source: Release, target: Release, statuses: Sequence[StatusChange], error: UpgradeFailed) -> dict[str, Any]:
    return {
        "from": source.airflow_version,
        "to": target.airflow_version,
        "status": statuses[-1].status if statuses else None,
        "statuses": _times(statuses),
        "error": {"what": error.what, "why": error.why, "hint": error.hint},
    }


def _times(statuses: Sequence[StatusChange]) -> list[dict[str, str]]:
    return [{"status": each.status, "at": datetime.fromtimestamp(each.at, UTC).isoformat()} for each in statuses]
