"""`mwaa-local metrics`: what runs, waits and is used, as a table that follows it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mwaa_local.cli.parameters import JsonOption, ProjectOption
from mwaa_local.cli.session import Session, open_session
from mwaa_local.console import table

if TYPE_CHECKING:
    from mwaa_local.metrics.now import Now

PAUSE_S = 2.0
UP, CLEAR_BELOW = "\033[{}A", "\033[J"  # ECMA-48: cursor up, erase to the end of the screen


def metrics(
    once: Annotated[bool, typer.Option("--once", help="Print one table and end.")] = False,
    as_json: JsonOption = False,
    project_dir: ProjectOption = Path(),
) -> None:
    """Show tasks that run and wait, slots, and each component's CPU, memory and heartbeat.

    In a terminal the table follows what happens, until Ctrl-C; elsewhere it is printed once. CPU is of one core, so
    that two busy ones are 200 %. Airflow's own metrics are in .mwaa-local/metrics, and for Prometheus at
    /_mwaa-local/metrics of MWAA's API.

    Examples:

      mwaa-local metrics

      mwaa-local metrics --json | jq .queued
    """
    from mwaa_local.errors import NotRunning
    from mwaa_local.metrics.now import Watch

    session = open_session(project_dir)
    plan = session.runtime.running_plan()
    if plan is None:
        raise NotRunning("the environment is not running", hint="mwaa-local up")
    watch = Watch(session.runtime, plan)
    try:
        if as_json:
            session.console.show_json(watch.now().plain())
        elif once or not _is_live(session):
            session.console.show(_table(watch.now()))
        else:
            _follow(session, watch.now)
    finally:
        watch.close()


def _is_live(session: Session) -> bool:
    return session.console.out.isatty() and session.env.get("TERM") not in (None, "", "dumb")


def _follow(session: Session, now: Callable[[], Now]) -> None:
    """Print the table again and again over itself, until the environment has ended."""
    lines = 0
    while session.runtime.running:
        text = _table(now())
        session.console.show(f"{UP.format(lines) if lines else ''}{CLEAR_BELOW}{text}")
        lines = text.count("\n") + 1
        time.sleep(PAUSE_S)
    session.console.say("the environment is not running any more")


def _table(now: Now) -> str:
    from mwaa_local.metrics.now import HEADS

    clock = datetime.fromtimestamp(now.time).astimezone().strftime("%H:%M:%S")
    return f"Airflow {now.airflow_version}  {clock}\n{now.headline}\n{table(HEADS, now.rows())}"
