"""`mwaa-local down`: stop the environment."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.api.environments.adopted import note_down
from mwaa_local.api.launch import ApiProcess
from mwaa_local.cli.killed import settle_killed
from mwaa_local.cli.parameters import ProjectOption, VerboseOption
from mwaa_local.cli.session import Session, open_session
from mwaa_local.environment.chosen_release import forget_last, up_as_last
from mwaa_local.services.aws_state import remove_state


def down(
    project_dir: ProjectOption = Path(),
    now: Annotated[bool, typer.Option("--now", help="Kill running tasks instead of waiting for them.")] = False,
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Also remove database, queue, requirements and local AWS.")
    ] = False,
    verbose: VerboseOption = False,
) -> None:
    """Stop the environment; database, local AWS, logs and packages are kept, unless `--volumes` is given.

    Running tasks get 90 seconds to end, as on MWAA. It succeeds if nothing is running. MWAA's API goes on answering,
    for ten minutes after the last request; `--volumes` ends it, too. Environments that were made through the API go on,
    and are named.

    Examples:

      mwaa-local down

      mwaa-local down --now

      mwaa-local down --volumes
    """
    started = time.monotonic()
    session = open_session(project_dir, verbose=verbose)
    settle_killed(session)
    if not session.project.run_dir.exists() and not volumes:
        session.console.say("nothing is running here")
        _say_what_the_api_made(session)
        return
    with session.exclusive():
        try:
            was_running = session.lifecycle().down(now=now)
        except KeyboardInterrupt:
            session.console.say(_what_goes_on(session))
            raise
        session.tidy_databases()
        if volumes:
            ApiProcess(session.project.root_dir, session.env).stop()
            session.remove_data()
            forget_last(session.project)
            remove_state(session.project)  # not part of it: buckets outlive an environment that the API deletes
        if was_running or volumes:
            note_down(session.project, with_data=volumes)
    if volumes:
        session.console.say("removed database, queue, requirements and local AWS; `mwaa-local up` makes new ones")
    elif was_running:
        again = up_as_last(session.project)
        session.console.say(f"stopped after {time.monotonic() - started:.1f} s; `{again}` continues where it was")
        _say_where_the_api_is(session)
    else:
        session.console.say("nothing is running here")
    _say_what_the_api_made(session, with_data=volumes)


def _say_where_the_api_is(session: Session) -> None:
    """Name the address at which MWAA's API goes on: with a local AWS it had another one, which has gone with that."""
    from mwaa_local.api.address import ApiFolder

    address = ApiFolder.of(session.project.state_dir).address
    if address is not None:
        end = "for ten minutes after the last request; `mwaa-local api --stop` ends it"
        session.console.say(f"MWAA's API goes on at {address.url} {end}")


def _say_what_the_api_made(session: Session, *, with_data: bool = False) -> None:
    """Name the environments that were made through the project's API and go on: they are projects of their own."""
    from mwaa_local.api.environments.registry import Registry

    made = [each for each in Registry.of_project(session.project, session.env).all() if not each.is_own]
    for each in made:
        if each.look.is_running or each.record.operation is not None:
            root = shlex.quote(str(each.project.root_dir))
            stops = f"mwaa-local down --project {root} stops it"
            removes = f"mwaa-local aws mwaa delete-environment --name {each.name} removes it"
            if with_data:  # nobody answers here any more whom one could ask for that
                stops = f"mwaa-local down --volumes --project {root} stops it"
                removes = f"after an `up` here, {removes}"
            session.console.say(f"environment {each.name}, made through the API, goes on\n\nhint: {stops}; {removes}")


def _what_goes_on(session: Session) -> str:
    """Return what becomes of a stop that nobody waits for any more."""
    from mwaa_local.runtime.choice import runs_as_processes

    if runs_as_processes(session.project, session.env):
        return "the environment goes on stopping without us; `mwaa-local down --now` kills tasks that still run"
    return "containers that have not stopped yet may go on; `mwaa-local down` stops the rest"
