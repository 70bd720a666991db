"""Homes of workers that come to a running environment: on MWAA each new container runs the startup script, too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mwaa_local.errors import NotRunning
from mwaa_local.files import read_json, write_private
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.runtime.process.homes import Homes
from mwaa_local.runtime.process.scripts import WORKER, ScriptRuns

START_NAME = "worker-start.json"  # private, in the run folder: it holds what the script sees


def remember_start(project: Project, script_path: Path | None, views: Mapping[str, Mapping[str, str]]) -> None:
    """Note how a worker's home is made, for those that come later."""
    plain = {"script": str(script_path or ""), "view": dict(views.get(WORKER, {}))}
    write_private(project.run_dir / START_NAME, json.dumps(plain))


def make_homes(project: Project, plan: Plan) -> None:
    """Make the homes that workers of the plan do not have yet. Raises StartupScriptFailed as a start does."""
    homes = Homes(Path(plan.homes_dir), {name: Path(folder) for name, folder in plan.shown.items()})
    names = [item.home for item in plan.components if item.home and not (homes.folder / item.home).is_dir()]
    unfinished = [homes.begin_beside(name) for name in dict.fromkeys(names)]
    if not unfinished:
        return
    start = read_json(project.run_dir / START_NAME, "how a worker starts", "mwaa-local down, then mwaa-local up")
    if not start["script"]:
        for home in unfinished:
            home.finish()
        return
    script_path = Path(str(start["script"]))
    if not script_path.is_file():
        raise NotRunning(f"{script_path} is gone", "New workers run the startup script.", "mwaa-local up")
    ScriptRuns(script_path, {WORKER: start["view"]}, homes.folder, project.logs_dir).in_homes(unfinished)
