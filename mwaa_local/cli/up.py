"""`mwaa-local up`: start the environment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.airflow import TRIGGERED, AirflowClient
from mwaa_local.api.environments.adopted import noted_up
from mwaa_local.api.launch import ApiProcess
from mwaa_local.cli.killed import settle_killed
from mwaa_local.cli.parameters import (
    JsonOption,
    PortOption,
    ProjectOption,
    ReleaseOption,
    RuntimeOption,
    VerboseOption,
)
from mwaa_local.cli.run_arguments import LogicalDateOption, NoLogicalDateOption, conf_of, run_date_of
from mwaa_local.cli.session import Session, open_session
from mwaa_local.console import Console
from mwaa_local.dag_run import RunDates, WantedRun
from mwaa_local.documentation import page_url
from mwaa_local.environment.chosen_release import last_release, up_as_last
from mwaa_local.environment.environment import Environment, release_in_file, version_in_file
from mwaa_local.environment.kinds import LoginMode
from mwaa_local.event import Event
from mwaa_local.lifecycle import Started
from mwaa_local.local_aws import owner_of
from mwaa_local.release import Release
from mwaa_local.remarks import ERROR, NOTE
from mwaa_local.services.aws import AWS
from mwaa_local.web_address import WebAddress

TOKEN_WAY = "with a web token: mwaa-local open"


def up(
    project_dir: ProjectOption = Path(),
    port: PortOption = None,
    run_dag: Annotated[
        str, typer.Option("--run", metavar="DAG_ID", help="Then run this DAG and wait until it succeeded.")
    ] = "",
    conf: Annotated[str, typer.Option(metavar="JSON", help="Configuration of the run: an object, or @FILE.")] = "",
    logical_date: LogicalDateOption = "",
    no_logical_date: NoLogicalDateOption = False,
    runtime: RuntimeOption = None,
    airflow_version: ReleaseOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Start the environment and wait until it is ready.

    On a running environment it applies changes in mwaa.yaml, requirements or startup script. It restarts only what they
    affect. --airflow-version holds until the next start: each release has a database of its own, and mwaa.yaml stays as
    it is.

    Examples:

      mwaa-local up

      mwaa-local up --port 0 --run my_dag

      mwaa-local up --run my_dag --logical-date 2026-01-01 --conf '{"full": true}'

      mwaa-local up --runtime process

      mwaa-local up --airflow-version 2.8.1
    """
    began = time.monotonic()
    session = open_session(project_dir, verbose=verbose, airflow_version=airflow_version or "")
    settle_killed(session, runs_dags=True)
    environment = session.environment()
    release = session.release(environment)
    if not run_dag and (conf or logical_date or no_logical_date):
        raise typer.BadParameter("--conf, --logical-date and --no-logical-date are for --run; name a DAG with --run")
    date = run_date_of(logical_date, release, no_logical_date=no_logical_date)
    run = WantedRun(run_dag, "", conf_of(conf), date)
    owner = owner_of(session.project)
    lifecycle, api = session.lifecycle(), ApiProcess(owner.root_dir, session.env)
    _say_which_release(session, release)
    with session.exclusive(), noted_up(session.project, environment):
        lifecycle.choose(runtime or environment.local.runtime)
        if owner == session.project:  # one that an API made is served by that API
            api.begin(api.asked_by(environment))  # it starts meanwhile
        started = _with_role_remarks(session, environment, lifecycle.up(environment, port))
    ran = {"dag_id": run_dag, **_run_dag(session, release, started, run).plain()} if run_dag else None
    elapsed_s, way_in = time.monotonic() - began, way_in_of(environment, release)
    show_ready(session.console, release, started, api, elapsed_s, way_in=way_in, as_json=as_json, run=ran)


def _say_which_release(session: Session, release: Release) -> None:
    """Say that a start takes another release than mwaa.yaml names, or that file's again."""
    in_file, version = version_in_file(session.project), release.airflow_version
    of_file = release_in_file(session.project)
    if version != in_file:
        session.console.say(f"Airflow {version} instead of {of_file}, until the next start")
    elif last := last_release(session.project):
        back = f"`{up_as_last(session.project)}` goes back to that one's database"
        session.console.say(f"Airflow {of_file} again, instead of {last}, which was used last; {back}")


def _with_role_remarks(session: Session, environment: Environment, started: Started) -> Started:
    """Return it with what there is to say of the execution role: only the local AWS that runs now knows."""
    from mwaa_local.cli.iam_sources import role_remarks
    from mwaa_local.configuration.base import region_of

    if not (port := started.plan.ports.get(AWS)):
        return started
    found = role_remarks(environment, f"http://localhost:{port}", region_of(session.env))
    return replace(started, remarks=(*started.remarks, *found))


def _run_dag(session: Session, release: Release, started: Started, wanted: WantedRun) -> RunDates:
    from mwaa_local.smoke.one_run import run_one

    dag_id = wanted.dag_id
    run = f"no run of {dag_id} was begun"

    def show(event: Event) -> None:
        nonlocal run
        if TRIGGERED in event.detail:
            run = f"the run of {dag_id} goes on"
        session.console.show_event(event)

    try:
        return run_one(session, release, started, wanted, show)
    except KeyboardInterrupt:
        session.console.say(f"the environment stays up, and {run}; `mwaa-local down` stops it")
        raise


def show_ready(
    console: Console,
    release: Release,
    started: Started,
    api: ApiProcess,
    elapsed_s: float,
    *,
    way_in: str,
    as_json: bool,
    run: Mapping[str, str | None] | None = None,
) -> None:
    """Say what is there now: remarks, address, login, next command. `run` is what `--run` ran, for JSON."""
    client = AirflowClient(started.runtime, started.plan)
    door = WebAddress.of(started.plan)
    assert door is not None
    errors = client.import_errors()
    for remark in started.remarks:
        if remark.severity != NOTE or console.verbose:
            console.show_remark(remark)
    for file, message in errors:
        console.say(f"warning: {file} cannot be imported: {message}")
    if problem := api.problem:
        console.say(f"warning: {problem.what}\n  {problem.why}\n  hint: {problem.hint}")
    if as_json:
        console.show_json(
            {
                "airflow_version": release.airflow_version,
                "runtime": started.kind,
                "url": door.url,
                "authority": door.authority or None,
                "api_url": api.address.url if api.address else None,
                "login": way_in,
                "elapsed_s": round(elapsed_s, 2),
                "run": run,
                "remarks": [vars(remark) for remark in started.remarks],
                "import_errors": [{"file": file, "error": message} for file, message in errors],
            }
        )
        return
    failed = any((remark.severity, remark.subject) == (ERROR, "requirements") for remark in started.remarks)
    # With a local AWS there is one endpoint, which has MWAA's API, too.
    endpoint = started.plan.ports.get(AWS)
    api_url = f"http://localhost:{endpoint}" if endpoint else api.address.url if api.address else ""
    after = f"{elapsed_s:.1f} s{', without its requirements' if failed else ''}"
    _show_end(console, release, door, api_url, way_in, after)


def way_in_of(environment: Environment, release: Release) -> str:
    """Return what one has to do or to type in to come into Airflow's pages; "" for nothing."""
    return TOKEN_WAY if environment.local.login is LoginMode.MWAA else release.login


def _show_end(console: Console, release: Release, door: WebAddress, api_url: str, way_in: str, after: str) -> None:
    list_dags = " ".join(release.list_dags_argv)
    console.say(f"\nAirflow {release.airflow_version} is ready after {after}")
    console.say(f"  web server  {console.colour(door.url, '')}")
    if door.authority:
        console.say(f"  https       vouched for by {door.authority}\n              to trust it: {page_url('https.md')}")
    if api_url:
        console.say(f"  MWAA's API  {console.colour(api_url, '')}")
    console.say(f"  login       {way_in or 'none needed, everyone is admin'}")
    console.say(f"  next        mwaa-local status, mwaa-local logs -f, mwaa-local airflow {list_dags}, mwaa-local down")
