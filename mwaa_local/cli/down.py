"""`mwaa-local down`: stop the environment."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.cli.parameters import ProjectOption, VerboseOption
from mwaa_local.cli.session import open_session


def down(
    project_dir: ProjectOption = Path(),
    now: Annotated[bool, typer.Option("--now", help="Kill running tasks instead of waiting for them.")] = False,
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Also remove database, queue and installed requirements.")
    ] = False,
    verbose: VerboseOption = False,
) -> None:
    """Stop the environment; database, logs and packages are kept, unless `--volumes` is given.

    Running tasks get 90 seconds to end, as on MWAA. It succeeds if nothing is running.

    Examples:

      mwaa-local down

      mwaa-local down --now

      mwaa-local down --volumes
    """
    started = time.monotonic()
    session = open_session(project_dir, verbose=verbose)
    if not session.project.run_dir.exists() and not volumes:
        session.console.say("nothing is running here")
        return
    with session.exclusive():
        was_running = session.lifecycle().down(now=now)
        if volumes:
            session.remove_data()
    if volumes:
        session.console.say("removed database, queue and installed requirements; `mwaa-local up` makes new ones")
    elif was_running:
        session.console.say(f"stopped after {time.monotonic() - started:.1f} s; `mwaa-local up` continues where it was")
    else:
        session.console.say("nothing is running here")
