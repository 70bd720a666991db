"""Homes of workers that come to a running environment: on MWAA each new container runs the startup script, too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mwaa_local.delivery import STARTUP_SCRIPT
from mwaa_local.errors import AlreadyRunning
from mwaa_local.files import read_json, remove_tree, write_private
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.runtime.process.homes import COMING_NAME, Homes, UnfinishedHome
from mwaa_local.runtime.process.scripts import WORKER, ScriptRuns
from mwaa_local.startup.state import put_all_over

START_NAME = "worker-start.json"  # private, in the run folder: it holds the script and what the script sees
SCRIPT_DIR_NAME = "worker-start"  # beside it: the script as a file


def remember_start(project: Project, script_path: Path | None, views: Mapping[str, Mapping[str, str]]) -> None:
    """Note how a worker's home is made, for those that come later: MWAA keeps to the script of the last update."""
    script = script_path.read_text(encoding="utf-8", errors="surrogateescape") if script_path else None
    plain = {"script": script, "view": dict(views.get(WORKER, {}))}
    write_private(project.run_dir / START_NAME, json.dumps(plain))


def make_homes(project: Project, plan: Plan, running: Plan) -> None:
    """Make the homes of the plan's workers that do not run, aside: a start that goes on meanwhile may use their names.

    Raises StartupScriptFailed as a start does.
    """
    folder, homes = project.state_dir / COMING_NAME, Homes.of(running, running.folders)
    remove_tree(folder, ignore_errors=True)  # workers that did not come
    unfinished = [homes.begin_beside(name, folder) for name in _missing(homes, plan)]
    try:
        _run_script(project, homes, unfinished)
    except BaseException:
        remove_tree(folder, ignore_errors=True)
        raise
    for home in unfinished:
        home.home_dir.rename(folder / home.name)


def _run_script(project: Project, homes: Homes, unfinished: Sequence[UnfinishedHome]) -> None:
    start = read_json(project.run_dir / START_NAME, "how a worker starts", "mwaa-local down, then mwaa-local up")
    if start["script"] is None or not unfinished:
        return
    script_path = project.run_dir / SCRIPT_DIR_NAME / Path(STARTUP_SCRIPT).name
    script_path.parent.mkdir(mode=0o700, exist_ok=True)
    script_path.write_bytes(str(start["script"]).encode(errors="surrogateescape"))
    ScriptRuns(script_path, {WORKER: start["view"]}, homes.folder, project.logs_dir).apart(unfinished)


def take_homes_in(project: Project, plan: Plan, running: Plan) -> None:
    """Bring the homes that `make_homes` made to those that are in use. Only while nobody else changes these.

    Raises AlreadyRunning where they are not there.
    """
    folder, homes = project.state_dir / COMING_NAME, Homes.of(running, running.folders)
    names = _missing(homes, plan)
    if not names:
        return
    if plan.homes_dir != running.homes_dir or not all((folder / name).is_dir() for name in names):
        what, hint = "the homes of workers are gone that were to be started", "try again"
        raise AlreadyRunning(what, "Another command has changed the environment meanwhile.", hint)
    coming = [UnfinishedHome(name, folder / name, homes.shown, homes.packages_dir) for name in names]
    put_all_over([home.layer_dir for home in coming], homes.packages_dir)
    for home in coming:
        home.finish(homes.folder)
    remove_tree(folder, ignore_errors=True)


def _missing(homes: Homes, plan: Plan) -> list[str]:
    # Of those that leave none is missed: they may live in an older set.
    return homes.missing_of(sorted({item.home for item in plan.components if item.home}))


def remove_homes_of_others(plan: Plan) -> None:
    """Remove the homes of workers that the plan does not have any more."""
    Homes.of(plan, plan.folders).keep_only(plan.homes)
