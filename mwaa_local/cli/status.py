"""`mwaa-local status`: what runs and what is wrong."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mwaa_local.api.address import ApiFolder
from mwaa_local.cli.killed import line_of_unfinished, unfinished_upgrade
from mwaa_local.cli.parameters import JsonOption, ProjectOption
from mwaa_local.cli.service_status import Service, last_sync, service_of, service_of_folder, show_last_sync
from mwaa_local.cli.session import Session, open_session
from mwaa_local.console import Console
from mwaa_local.environment.chosen_release import UP, up_as_last
from mwaa_local.event import FAILED
from mwaa_local.project import Project
from mwaa_local.remarks import NOTE
from mwaa_local.web_address import WebAddress

if TYPE_CHECKING:
    from mwaa_local.lifecycle import State

NOT_HEALTHY_EXIT_CODE = 1
SHOWN_IMPORT_ERRORS = 5


def status(project_dir: ProjectOption = Path(), as_json: JsonOption = False) -> None:
    """Show every component, its state and how long it has been so. Exit code 1 unless all are ready.

    Examples:

      mwaa-local status

      mwaa-local status --json | jq .components
    """
    session = open_session(project_dir)
    if _is_folder_of_api(session.project):
        _show_folder(session, as_json=as_json)
        return
    state = session.lifecycle().state()
    service, upgrade = service_of(session, state), unfinished_upgrade(session)
    if as_json:
        plain = _as_plain(state) if state else nothing_running(was_cut_off=session.runtime.was_cut_off)
        session.console.show_json(
            {**plain, "last_sync": last_sync(session.project), "service": service.to_json(), **_plain_upgrade(upgrade)}
        )
    elif state is None:
        again = up_as_last(session.project)
        _show_nothing(session.console, service, was_cut_off=session.runtime.was_cut_off, again=again)
    else:
        _show(session.console, session.project, state)
    if not as_json:
        service.show(session.console)
        if upgrade:
            session.console.say(line_of_unfinished(upgrade))
    if state is None or not state.is_healthy:
        raise typer.Exit(NOT_HEALTHY_EXIT_CODE)


def _plain_upgrade(upgrade: dict[str, str] | None) -> dict[str, Any]:
    return {"upgrade": upgrade} if upgrade else {}


def nothing_running(*, was_cut_off: bool) -> dict[str, Any]:
    return {"running": False, "was_cut_off": was_cut_off, "components": []}


def _is_folder_of_api(project: Project) -> bool:
    """Say whether the folder is none of a project, but one of projects that an API serves, or did."""
    is_project = project.environment_path.exists() or project.dags_dir.is_dir() or project.run_dir.exists()
    return not is_project and ApiFolder.of(project.state_dir).path.is_dir()


def _show_folder(session: Session, *, as_json: bool) -> None:
    root, console = session.project.root_dir, session.console
    service = service_of_folder(root, session.env)
    if as_json:
        console.show_json({**nothing_running(was_cut_off=False), "service": service.to_json()})
    else:
        if not service.environments:
            console.say(f"there are no environments in {root}\n\nhint: aws mwaa create-environment makes one")
        service.show(console)
    if not service.running or not all(each.look.is_healthy for each in service.running):
        raise typer.Exit(NOT_HEALTHY_EXIT_CODE)


def _show_nothing(console: Console, service: Service, *, was_cut_off: bool, again: str = UP) -> None:
    hint = f"\n\nhint: {again}"
    if not was_cut_off and service.running:
        console.say(f"the project's own environment is not running; the API made others that are{hint}")
    elif was_cut_off:
        why = "It was killed, or the machine was restarted. What it wrote is in .mwaa-local/logs/."
        console.say(f"the environment ended without `mwaa-local down`\n  {why}{hint}")
    else:
        console.say(f"nothing is running here{hint}")


def _as_plain(state: State) -> dict[str, Any]:
    return {
        "running": True,
        "healthy": state.is_healthy,
        "airflow_version": state.plan.airflow_version,
        "url": _door(state).url,
        "authority": _door(state).authority or None,
        "components": [asdict(item) for item in state.statuses],
        "figures": asdict(state.figures),
        "import_errors": [{"file": file, "error": message} for file, message in state.import_errors],
        "remarks": [asdict(remark) for remark in state.remarks],
    }


def _show(console: Console, project: Project, state: State) -> None:
    console.show(f"Airflow {state.plan.airflow_version}  {_door(state).url}")
    console.show_status(list(state.statuses), time.time())
    console.show(state.figures.line())
    show_last_sync(console, project)
    for file, message in state.import_errors[:SHOWN_IMPORT_ERRORS]:
        console.show(f"  {file}: {message}")
    if len(state.import_errors) > SHOWN_IMPORT_ERRORS:
        console.show(f"  and {len(state.import_errors) - SHOWN_IMPORT_ERRORS} more")
    for remark in (remark for remark in state.remarks if remark.severity != NOTE):
        console.show_remark(remark)
    for item in state.statuses:
        if item.state == FAILED:
            console.say(f"\nhint: mwaa-local logs {item.name}")


def _door(state: State) -> WebAddress:
    door = WebAddress.of(state.plan)
    assert door is not None
    return door
