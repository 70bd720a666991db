"""Put what `airflow_settings.yaml` holds into the metadata database, before any component of Airflow starts.

A start does it as a one-time step of the plan, in one process of the release's own interpreter, and only when the file
changed or the database is new. Here is what that step starts from, and what its answer means.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mwaa_local.errors import SeedingFailed
from mwaa_local.guest import seeding_script
from mwaa_local.plan import Component, ExitedOk, Plan
from mwaa_local.seeding.airflow_settings import SETTINGS_FILE, AirflowSettings, Connection

SCRIPT_PATH = Path(str(seeding_script.__file__))
# What the script may answer; its own words are for people.
PUT, HELD, REFUSED = seeding_script.PUT, seeding_script.HELD, seeding_script.REFUSED
SEED = "seed"  # the component that does it where Airflow runs as processes
MIGRATE_DB = "migrate-db"  # and where it runs in containers
SEED_TIMEOUT_S = 120.0
MARK_BYTES = 12


@dataclass(frozen=True)
class Answer:
    """How the step ended. `counts` (by kind) are of PUT, all after it of REFUSED."""

    outcome: str  # PUT, HELD or REFUSED
    counts: Mapping[str, int] = field(default_factory=dict)
    line: int = 0
    kind: str = ""  # connection, pool or variable
    name: str = ""
    error: str = ""  # the class of what Airflow or the database raised
    message: str = ""  # its first line


def read_answer(lines: Iterable[str]) -> Answer | None:
    """Return the last answer in the step's output; None where there is none that can be understood."""
    texts = [line.removeprefix(seeding_script.ANSWER) for line in lines if line.startswith(seeding_script.ANSWER)]
    for text in reversed(texts):
        try:
            plain = json.loads(text)
            counts = {str(kind): int(count) for kind, count in plain.pop("counts", {}).items()}
            answer = Answer(counts=counts, **plain)
        except (ValueError, TypeError, AttributeError):  # cut off, or of something else that writes there
            continue
        if answer.outcome in (PUT, HELD, REFUSED):
            return answer
    return None


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


def step_of(plan: Plan) -> Component | None:
    """Return the component of the plan that puts something in; None where there is nothing to put in."""
    component = plan.component(SEED) or plan.component(MIGRATE_DB)
    return component if component is not None and component.reads else None


def put_in(answer: Answer | None) -> str:
    """Return in one line what was put in; "" where nothing was."""
    if answer is None or answer.outcome != PUT:
        return ""
    counts = ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in answer.counts.items())
    return f"put in {counts}, from {SETTINGS_FILE}"


def raise_for_refusal(answer: Answer | None) -> None:
    """Raise SeedingFailed, with the entry and its line, where an entry was refused."""
    if answer is not None and answer.outcome == REFUSED:
        entry = f"{SETTINGS_FILE}:{answer.line}: the {answer.kind} {answer.name}"
        raise SeedingFailed(
            f"{entry} could not be loaded into the metadata database",
            f"{answer.error}: {answer.message}",
            "correct the entry",
        )
