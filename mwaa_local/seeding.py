"""Put what `airflow_settings.yaml` holds into the metadata database, before any component of Airflow starts.

A start does it as a one-time step of the plan, in one process of the release's own interpreter, and only when the file
changed or the database is new. Here is what that step starts from, and what is said about how it ended.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mwaa_local import seeding_script
from mwaa_local.airflow_settings import SETTINGS_FILE, AirflowSettings, Connection
from mwaa_local.errors import ComponentUnknown, SeedingFailed
from mwaa_local.plan import Component, ExitedOk, Plan
from mwaa_local.runtime import Event, Runtime

SCRIPT_PATH = Path(str(seeding_script.__file__))
SEED = "seed"  # the component that does it where Airflow runs as processes
MIGRATE_DB = "migrate-db"  # and where it runs in containers
SEED_TIMEOUT_S = 120.0
MARK_BYTES = 12


def seed_values(settings: AirflowSettings, key: str) -> dict[str, Any]:
    """Return what the step starts from. The mark changes with any value, and tells none without the key."""
    values = {
        "file": SETTINGS_FILE,
        "connections": [
            {"name": item.conn_id, "line": item.line, "fields": _fields(item)} for item in settings.connections
        ],
        "pools": [
            {"name": item.name, "line": item.line, "slots": item.slots, "description": item.description}
            for item in settings.pools
        ],
        "variables": [{"name": item.name, "line": item.line, "value": item.value} for item in settings.variables],
    }
    digest = hashlib.blake2b(json.dumps(values).encode(), key=key.encode()[:64], digest_size=MARK_BYTES)
    return {**values, "mark": digest.hexdigest()}


def _fields(connection: Connection) -> dict[str, object]:
    """Return the connection as Airflow's constructor takes it: nothing rather than an empty text."""
    names = ("conn_type", "host", "schema", "login", "password", "port", "extra", "uri")
    return {name: getattr(connection, name) for name in names if getattr(connection, name) not in ("", None)}


def seed_component(python: str, file_path: Path, mark: str, env: Mapping[str, str]) -> Component:
    """Return the one-time component of the process runtime; Airflow's components wait for it."""
    return Component(
        SEED,
        (python, "-I", str(SCRIPT_PATH), str(file_path)),
        env,
        ExitedOk(SEED_TIMEOUT_S),
        ("postgres",),
        restart=False,
        reads=mark,
    )


def tell(runtime: Runtime, plan: Plan, since: float, on_event: Callable[[Event], None]) -> None:
    """Say in one line what was put in since then, if anything was."""
    said = _said(runtime, plan, since)
    if said.startswith("put in "):
        on_event(Event("settings", "done", detail=f"{said}, from {SETTINGS_FILE}"))


def raise_for_failure(runtime: Runtime, plan: Plan, since: float) -> None:
    """Raise SeedingFailed, with the entry and its line, where an entry is why the start failed."""
    said = _said(runtime, plan, since)
    if said.startswith(f"{SETTINGS_FILE}:"):
        place, _, problem = said.partition(": ")
        what, _, why = problem.partition(": ")
        raise SeedingFailed(f"{place}: {what} could not be put into the metadata database", why, "correct the entry")


def _said(runtime: Runtime, plan: Plan, since: float) -> str:
    """Return the last line that the step wrote for us."""
    component = plan.component(SEED) or plan.component(MIGRATE_DB)
    if component is None or not component.reads:
        return ""
    try:
        lines = [line.text for line in runtime.logs([component.name], follow=False) if line.time >= since]
    except ComponentUnknown:  # it has not written anything
        return ""
    ours = [line.removeprefix(seeding_script.SAID) for line in lines if line.startswith(seeding_script.SAID)]
    return next((line for line in reversed(ours) if line.startswith(("put in ", SETTINGS_FILE))), "")
