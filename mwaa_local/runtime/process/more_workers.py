"""Homes of workers that come to a running environment: on MWAA each new container runs the startup script, too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mwaa_local.delivery import STARTUP_SCRIPT
from mwaa_local.files import read_json, write_private
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.runtime.process.homes import Homes
from mwaa_local.runtime.process.scripts import WORKER, ScriptRuns

START_NAME = "worker-start.json"  # private, in the run folder: it holds the script and what the script sees
SCRIPT_DIR_NAME = "worker-start"  # beside it: the script as a file


def remember_start(project: Project, script_path: Path | None, views: Mapping[str, Mapping[str, str]]) -> None:
    """Note how a worker's home is made, for those that come later: MWAA keeps to the script of the last update."""
    script = script_path.read_text(encoding="utf-8", errors="surrogateescape") if script_path else None
    plain = {"script": script, "view": dict(views.get(WORKER, {}))}
    write_private(project.run_dir / START_NAME, json.dumps(plain))


def make_homes(project: Project, plan: Plan, running: Plan) -> None:
    """Make the homes of the plan's workers that do not run. Raises StartupScriptFailed as a start does."""
    homes = Homes.of(running, running.folders)
    unfinished = [homes.begin_beside(name) for name in homes.missing_of(sorted(plan.homes))]
    if not unfinished:
        return
    start = read_json(project.run_dir / START_NAME, "how a worker starts", "mwaa-local down, then mwaa-local up")
    if start["script"] is None:
        for home in unfinished:
            home.finish()
        return
    script_path = project.run_dir / SCRIPT_DIR_NAME / Path(STARTUP_SCRIPT).name
    script_path.parent.mkdir(mode=0o700, exist_ok=True)
    script_path.write_bytes(str(start["script"]).encode(errors="surrogateescape"))
    try:
        ScriptRuns(script_path, {WORKER: start["view"]}, homes.folder, project.logs_dir).in_homes(unfinished)
    except BaseException:
        homes.discard()
        raise


def homes_are_there(plan: Plan) -> bool:
    """Say whether each component of the plan finds its home."""
    homes = {item.home for item in plan.components if item.home}
    return all((Path(plan.homes_dir) / home).is_dir() for home in homes)


def remove_homes_of_others(plan: Plan) -> None:
    """Remove the homes of workers that the plan does not have any more."""
    Homes.of(plan, plan.folders).keep_only(plan.homes)
