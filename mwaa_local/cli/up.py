"""`mwaa-local up`: start the environment."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.airflow import AirflowClient
from mwaa_local.cli.session import JsonOption, ProjectOption, Session, open_session
from mwaa_local.console import Console
from mwaa_local.environment import RuntimeKind
from mwaa_local.errors import RuntimeUnavailable
from mwaa_local.preparation import Preparation, Prepared
from mwaa_local.release import Release
from mwaa_local.remarks import NOTE


def up(
    project_dir: ProjectOption = Path(),
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The web server's port; 0 picks a free one.")
    ] = None,
    run_dag: Annotated[
        str, typer.Option("--run", metavar="DAG_ID", help="Then run this DAG and wait until it succeeded.")
    ] = "",
    as_json: JsonOption = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every change of state.")] = False,
) -> None:
    """Start the environment and wait until it is ready.

    On a running environment it applies what changed in mwaa.yaml, requirements or startup script, restarts only what
    that concerns, and leaves the rest running.

    Examples:

      mwaa-local up

      mwaa-local up --port 0 --run my_dag
    """
    started = time.monotonic()
    session = open_session(project_dir, verbose=verbose)
    environment = session.environment()
    release = session.release(environment)
    check_runtime(environment.local.runtime)
    with session.exclusive():
        was_running = session.runtime.running
        try:
            prepared = Preparation(
                session.project,
                environment,
                release,
                session.env,
                session.cache_dir,
                session.runtime.running_plan(),
                session.console.show_event,
                port,
            ).prepare()
            session.runtime.start(prepared.plan, session.console.show_event)
        except KeyboardInterrupt:
            if not was_running:
                session.console.say("interrupted: stopping what was started")
                session.runtime.stop(now=True)
            raise
    if run_dag:
        AirflowClient(session.runtime, prepared.plan).run_dag(run_dag, session.console.show_event)
    show_ready(session, release, prepared, time.monotonic() - started, as_json=as_json)


def check_runtime(wanted: RuntimeKind) -> None:
    """Raise RuntimeUnavailable for a runtime that this version does not have."""
    if wanted is RuntimeKind.DOCKER:
        raise RuntimeUnavailable(
            "`Local: {Runtime: docker}` is not available in this version",
            "Only the process runtime is there.",
            "set Runtime to process or auto in mwaa.yaml",
        )


def show_ready(session: Session, release: Release, prepared: Prepared, elapsed_s: float, *, as_json: bool) -> None:
    """Say what is there now: remarks, address, login, next command."""
    client = AirflowClient(session.runtime, prepared.plan)
    console = session.console
    url = f"http://localhost:{prepared.plan.ports['webserver']}"
    errors = client.import_errors()
    for remark in prepared.remarks:
        if remark.severity != NOTE or console.verbose:
            console.show_remark(remark)
    for file, message in errors:
        console.say(f"warning: {file} cannot be imported: {message}")
    if as_json:
        console.show_json(
            {
                "airflow_version": release.airflow_version,
                "url": url,
                "login": release.login,
                "elapsed_s": round(elapsed_s, 2),
                "remarks": [vars(remark) for remark in prepared.remarks],
                "import_errors": [{"file": file, "error": message} for file, message in errors],
            }
        )
        return
    _show_end(console, release, url, elapsed_s)


def _show_end(console: Console, release: Release, url: str, elapsed_s: float) -> None:
    console.say(f"\nAirflow {release.airflow_version} is ready after {elapsed_s:.1f} s")
    console.say(f"  web server  {console.colour(url, '')}")
    console.say(f"  login       {release.login or 'none needed, everyone is admin'}")
    console.say("  next        mwaa-local status, mwaa-local logs -f, mwaa-local airflow dags list, mwaa-local down")
