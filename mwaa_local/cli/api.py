"""`mwaa-local api`: MWAA's API, in front of whoever wants to see it, or as a process that goes on."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.api.address import Address, Asked
from mwaa_local.api.launch import ApiProcess
from mwaa_local.cli.parameters import JsonOption
from mwaa_local.console import Console, standard
from mwaa_local.errors import AlreadyRunning, ProjectNotFound
from mwaa_local.project import ENVIRONMENT_FILE, Project

DAGS_DIR = "dags"


def api(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A project, or a folder of projects; by default the project you are in, else this folder."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="The API's port; 0 picks a free one. [default: ApiPort, else 0]"),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return when the API answers; it goes on.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the API that runs.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Serve MWAA's API: create, change and delete environments as on MWAA, ask for tokens, call Airflow's REST API.

    For a project it serves the project's environment and those that are created there. For any other folder it serves
    every project in it; an environment that is created becomes a project folder there. `up` starts the API of its
    project by itself.

    Without --detach it answers until Ctrl-C. With it, it ends ten minutes after the last request if no environment
    runs.

    Examples:

      mwaa-local api

      mwaa-local api ~/environments --port 4567

      mwaa-local api ~/environments --detach && eval "$(mwaa-local aws-env --project ~/environments)"

      mwaa-local api ~/environments --stop
    """
    console, env = standard(os.environ), dict(os.environ)
    root, is_folder = root_of(folder)
    process = ApiProcess(root, env)
    if stop:
        console.say("stopped" if process.stop() else f"no API is running for {root}")
        return
    asked = _asked(process, root, is_folder=is_folder, port=port)
    if detach:
        _show(console, process.ensure(asked), as_json=as_json)
        return
    _serve_in_front(console, process, asked, env, as_json=as_json)


def root_of(folder: Path | None) -> tuple[Path, bool]:
    """Return what is served, and whether it is a folder of projects. Raises ProjectNotFound for no folder at all."""
    start = (folder or Path()).resolve()
    if not start.is_dir():
        raise ProjectNotFound(f"no such folder: {start}", hint=f"make it: mkdir {start}")
    for candidate in (start, *start.parents) if folder is None else (start,):
        if (candidate / ENVIRONMENT_FILE).exists() or (candidate / DAGS_DIR).is_dir():
            return candidate, False
    return start, True


def _asked(process: ApiProcess, root: Path, *, is_folder: bool, port: int | None) -> Asked:
    if is_folder:
        return process.asked(is_folder=True, port=port or 0)
    from mwaa_local.environment.environment import Environment

    local = Environment.load(Project(root)).local
    return process.asked(port=local.api_port if port is None else port, names=local.webserver_names)


def _serve_in_front(console: Console, process: ApiProcess, asked: Asked, env: dict[str, str], *, as_json: bool) -> None:
    from mwaa_local.api.serving import Serving, start_error  # brings aiohttp in

    Project(Path(asked.root)).make_state_dir()
    before = process.address

    def show(address: Address) -> None:
        _show(console, address, as_json=as_json)
        if before is not None:
            where = f"process {before.pid}, which answered in the background at {before.url}"
            console.say(f"  note  it took the place of {where}; after Ctrl-C none answers until")
            console.say(f"        mwaa-local api {shlex.quote(asked.root)} --detach")

    try:
        has_served = Serving(asked, env, is_detached=False).run(show)
    except OSError as error:
        raise start_error(error, asked) from error
    if not has_served:
        address = process.address
        where = (
            f"It is process {address.pid}, at {address.url}." if address else "It has only just begun, or is ending."
        )
        hint = f"mwaa-local api {shlex.quote(asked.root)} --stop" if address else "run the command again"
        raise AlreadyRunning(f"an API already serves {asked.root}", where, hint)


def _show(console: Console, address: Address, *, as_json: bool) -> None:
    if as_json:
        console.show_json({"url": address.url, "pid": address.pid, "root": address.asked.root})
        return
    what = f"the environments in {address.asked.root}" if address.asked.is_folder else address.asked.root
    console.say(f"MWAA's API for {what} answers")
    console.show(address.url)
    console.say(f'  next  eval "$(mwaa-local aws-env --project {shlex.quote(address.asked.root)})"')
    console.say("        aws mwaa list-environments")
