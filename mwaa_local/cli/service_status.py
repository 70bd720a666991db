"""What `mwaa-local status` shows of the MWAA API: the environments it knows, what happened to them, and faults."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mwaa_local.cli.session import Session
from mwaa_local.console import Console, duration

if TYPE_CHECKING:
    from mwaa_local.api.environments.faults import Fault
    from mwaa_local.api.environments.served import Served
    from mwaa_local.lifecycle import State

SHOWN_EVENTS = 3  # of each environment, the newest


@dataclass(frozen=True)
class Service:
    """What the API of a project has to tell."""

    environments: Sequence[Served]
    faults: Sequence[Fault]

    def to_json(self) -> dict[str, Any]:
        return {
            "environments": [_as_plain(each) for each in self.environments],
            "faults": [asdict(each) for each in self.faults],
        }

    def show(self, console: Console) -> None:
        for each in self.environments:
            _show(console, each)
        for fault in self.faults:
            console.say(f"warning: the fault {fault.line()}\n\nhint: mwaa-local fault clear")


def service_of(session: Session, state: State | None) -> Service:
    """Return what the API of the session's project knows; nothing is begun again by looking.

    `state` is that of the project's own environment, which is not looked at a second time.
    """
    from mwaa_local.api.environments.faults import Faults
    from mwaa_local.api.environments.registry import Registry
    from mwaa_local.api.environments.status import Look
    from mwaa_local.web_address import WebAddress

    registry = Registry.of_project(session.project, session.env)
    environments = registry.all()
    door = WebAddress.of(state.plan) if state else None
    seen = Look(time.monotonic(), state is not None, state is not None and state.is_healthy, door=door)
    registry.looks.know(session.project, seen)
    return Service(environments, Faults.around(session.project).listed())


def _as_plain(served: Served) -> dict[str, Any]:
    record = served.record
    return {
        "name": served.name,
        "status": served.status,
        "why_not_healthy": served.look.why or None,
        "folder": str(served.project.root_dir),
        "door": served.door.host if served.door else None,
        "phase": record.operation.phase if record.operation else None,
        "last_update": served.last_update,
        "events": [asdict(event) for event in served.events],
    }


def _show(console: Console, served: Served) -> None:
    operation, now = served.record.operation, time.time()
    phase = f", {operation.phase} for {duration(now - operation.began)}" if operation else ""
    folder = "" if served.is_own else f"  {served.project.root_dir}"
    why = "" if served.is_own or operation or not served.look.why else f" ({served.look.why})"
    console.show(f"environment {served.name}: {served.status}{phase}{why}{folder}")
    failed = (served.last_update or {}).get("Error")
    if failed:
        console.show(f"  last update failed: {failed['ErrorMessage']}")
    for event in served.events[-SHOWN_EVENTS:]:
        console.show(f"  {duration(now - event.at)} ago: {event.what}")
        if event.is_failure:
            for line in [*event.why.splitlines(), *([f"hint: {event.hint}"] if event.hint else [])]:
                console.show(f"    {line}")
