"""`mwaa-local upgrade --yes`: the upgrade carried out, and what is shown of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from mwaa_local.api.environments.adopted import INTERRUPTED, noted_upgrade
from mwaa_local.cli.killed import settle_held
from mwaa_local.cli.session import Session
from mwaa_local.console import Console
from mwaa_local.errors import MwaaLocalError
from mwaa_local.release import Release
from mwaa_local.upgrade.carrying_out.carrying import Upgrade, Upgraded, carry_out
from mwaa_local.upgrade.carrying_out.journal import StatusChange, route
from mwaa_local.upgrade.carrying_out.place import check_source
from mwaa_local.upgrade.paths import Move, checked_move
from mwaa_local.upgrade.rehearsed import Rehearsed
from mwaa_local.web_address import WebAddress

ON_WITH_FORCE = "mend it, or go on all the same with --force"
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
    """Carry it out and show how it went. Raises what `carry_out` does, and MoveRefused as `asked_move` does.

    Failures are for `failure_in_json` to tell.
    """
    began = time.monotonic()
    with session.exclusive():  # what was seen before may be no more: another command had the project until now
        settle_held(session, runs_dags=True)
        move = asked_move(session, target)
        if move.is_nothing:
            tell_nothing(session.console, move, as_json=as_json)
            return
        environment = session.environment()
        wanted = Upgrade(move.source, target, runtime or environment.local.runtime, port, tuple(dags))
        versions = f"from Airflow {move.source.airflow_version} to {target.airflow_version}"
        session.console.say(f"upgrading {versions}; {RUNNING_TASKS}")
        with noted_upgrade(session.project, environment, target.airflow_version) as note:
            upgraded = carry_out(session, wanted, session.watch(note.step))
            note.came_up(session.environment())
    if as_json:
        session.console.show_json(_plain(upgraded, time.monotonic() - began))
    else:
        _show(session.console, upgraded, time.monotonic() - began)


@contextlib.contextmanager
def failure_in_json(console: Console, source: Release, target: Release, *, as_json: bool) -> Iterator[None]:
    """Around all that is done once both releases are known: tell in `--json`, too, what ends it."""
    began = time.monotonic()
    try:
        yield
    except (MwaaLocalError, KeyboardInterrupt) as error:
        if as_json:
            console.show_json(_failed(source, target, error, time.monotonic() - began))
        raise


def _show(console: Console, upgraded: Upgraded, elapsed_s: float) -> None:
    at = upgraded.journal
    console.say(f"\nAirflow {at.target} is AVAILABLE after {elapsed_s:.1f} s: {route(upgraded.statuses)}")
    door = WebAddress.of(upgraded.started.plan)
    if door is not None:
        console.say(f"  web server  {console.colour(door.url, '')}")
    for name in at.snapshots:
        console.say(f"  snapshot    {name}")
    if at.snapshot:
        console.say(f"  before      the database of Airflow {at.source} stays as it was")
    console.say(f"  next        mwaa-local status; back with mwaa-local upgrade --to {at.source} --yes")


def _plain(upgraded: Upgraded, elapsed_s: float) -> dict[str, Any]:
    at = upgraded.journal
    door = WebAddress.of(upgraded.started.plan)
    return {
        **_nothing_done(at.source, at.target),
        "status": upgraded.statuses[-1].status,
        "statuses": _times(upgraded.statuses),
        "snapshot": at.snapshot or None,
        "replaced_snapshot": at.target_snapshot or None,
        "url": door.url if door else None,
        "runs": [each.plain() for each in upgraded.runs],
        "elapsed_s": round(elapsed_s, 2),
    }


def _failed(
    source: Release, target: Release, error: MwaaLocalError | KeyboardInterrupt, elapsed_s: float
) -> dict[str, Any]:
    statuses = tuple(StatusChange(status, at) for status, at in getattr(error, "statuses", ()))
    what, why, hint = INTERRUPTED if isinstance(error, KeyboardInterrupt) else (error.what, error.why, error.hint)
    return {
        **_nothing_done(source.airflow_version, target.airflow_version),
        "status": statuses[-1].status if statuses else None,
        "statuses": _times(statuses),
        "snapshot": getattr(error, "snapshot", "") or None,
        "replaced_snapshot": getattr(error, "replaced_snapshot", "") or None,
        "runs": list(getattr(error, "runs", ())),
        "elapsed_s": round(elapsed_s, 2),
        "error": {"what": what, "why": why, "hint": hint},
    }


def stopped(move: Move, rehearsed: Sequence[Rehearsed], hint: str = ON_WITH_FORCE) -> dict[str, Any]:
    """Return what `--json` prints where the rehearsal ended it, with that as `upgrade --json` prints it."""
    from mwaa_local.upgrade.report import as_json

    error = {"what": "the rehearsal found errors", "why": "", "hint": hint}
    nothing = _nothing_done(move.source.airflow_version, move.target.airflow_version)
    return {**nothing, "error": error, "rehearsal": as_json(rehearsed)}


def tell_nothing(console: Console, move: Move, *, as_json: bool) -> None:
    """Say that there is nothing to do."""
    console.say(move.what)
    if as_json:
        console.show_json(_nothing_done(move.source.airflow_version, move.target.airflow_version))


def _nothing_done(source: str, target: str) -> dict[str, Any]:
    """Return every key that `--yes --json` prints, as where nothing was done."""
    return {
        "from": source,
        "to": target,
        "status": None,
        "statuses": [],
        "snapshot": None,
        "replaced_snapshot": None,
        "url": None,
        "runs": [],
        "elapsed_s": 0.0,
        "error": None,
        "rehearsal": None,
    }


def asked_move(session: Session, target: Release) -> Move:
    """Return the move from the release that the environment has. Raises MoveRefused."""
    source = session.release(session.environment())
    check_source(session, source, target)
    return checked_move(source, target)


def _times(statuses: Sequence[StatusChange]) -> list[dict[str, str]]:
    return [{"status": each.status, "at": datetime.fromtimestamp(each.at, UTC).isoformat()} for each in statuses]
