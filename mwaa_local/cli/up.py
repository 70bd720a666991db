"""`mwaa-local up`: start the environment."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mwaa_local.airflow import AirflowClient
from mwaa_local.cli.session import JsonOption, ProjectOption, Session, open_session
from mwaa_local.cli.starting import Started, prepare_and_start, say_choice, take_runtime
from mwaa_local.console import Console
from mwaa_local.environment.environment import Environment, RuntimeKind
from mwaa_local.errors import StartupScriptFailed
from mwaa_local.release import Release
from mwaa_local.remarks import NOTE

if TYPE_CHECKING:
    from mwaa_local.check.requirements.early import EarlyCheck


def up(
    project_dir: ProjectOption = Path(),
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The web server's port; 0 picks a free one.")
    ] = None,
    run_dag: Annotated[
        str, typer.Option("--run", metavar="DAG_ID", help="Then run this DAG and wait until it succeeded.")
    ] = "",
    runtime: Annotated[
        RuntimeKind | None,
        typer.Option(
            "--runtime", envvar="MWAA_LOCAL_RUNTIME", help="Docker or processes; auto chooses Docker if it works."
        ),
    ] = None,
    as_json: JsonOption = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every change of state.")] = False,
) -> None:
    """Start the environment and wait until it is ready.

    On a running environment it applies changes in mwaa.yaml, requirements or startup script. It restarts only what they
    affect.

    Examples:

      mwaa-local up

      mwaa-local up --port 0 --run my_dag

      mwaa-local up --runtime process
    """
    began = time.monotonic()
    session = open_session(project_dir, verbose=verbose)
    environment = session.environment()
    release = session.release(environment)
    with session.exclusive():
        session, choice = take_runtime(session, runtime or environment.local.runtime)
        remarks = say_choice(session.console, choice)
        was_running = session.runtime.running
        early = check_requirements(session, environment, release)
        try:
            started = prepare_and_start(session, environment, release, port, remarks)
        except (KeyboardInterrupt, StartupScriptFailed) as error:
            if not was_running:
                if isinstance(error, KeyboardInterrupt):
                    session.console.say("stopping what was started")
                session.runtime.stop(now=True)
            raise
        if early is not None:
            early.finish()
    if run_dag:
        AirflowClient(session.runtime, started.plan).run_dag(run_dag, session.console.show_event)
    show_ready(session, release, started, choice.kind, time.monotonic() - began, as_json=as_json)


def check_requirements(session: Session, environment: Environment, release: Release) -> EarlyCheck | None:
    """Begin to check requirements that changed; conflicts are said as soon as they are known."""
    if not session.project.requirements_path.is_file():
        return None
    from mwaa_local.check.requirements import early
    from mwaa_local.configuration.option_names import translate

    variables = translate(environment.airflow_configuration_options)
    return early.begin(session.project, release, session.env, variables, session.console.show_remark)


def show_ready(
    session: Session, release: Release, started: Started, runtime: str, elapsed_s: float, *, as_json: bool
) -> None:
    """Say what is there now: remarks, address, login, next command."""
    client = AirflowClient(session.runtime, started.plan)
    console = session.console
    url = f"http://localhost:{started.plan.ports['webserver']}"
    errors = client.import_errors()
    for remark in started.remarks:
        if remark.severity != NOTE or console.verbose:
            console.show_remark(remark)
    for file, message in errors:
        console.say(f"warning: {file} cannot be imported: {message}")
    if as_json:
        console.show_json(
            {
                "airflow_version": release.airflow_version,
                "runtime": runtime,
                "url": url,
                "login": release.login,
                "elapsed_s": round(elapsed_s, 2),
                "remarks": [vars(remark) for remark in started.remarks],
                "import_errors": [{"file": file, "error": message} for file, message in errors],
            }
        )
        return
    _show_end(console, release, url, elapsed_s)


def _show_end(console: Console, release: Release, url: str, elapsed_s: float) -> None:
    list_dags = " ".join(release.list_dags_argv)
    console.say(f"\nAirflow {release.airflow_version} is ready after {elapsed_s:.1f} s")
    console.say(f"  web server  {console.colour(url, '')}")
    console.say(f"  login       {release.login or 'none needed, everyone is admin'}")
    console.say(f"  next        mwaa-local status, mwaa-local logs -f, mwaa-local airflow {list_dags}, mwaa-local down")
