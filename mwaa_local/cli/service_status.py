"""What `mwaa-local status` shows of the MWAA API: the environments it knows, what happened to them, and faults."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mwaa_local.cli.session import Session
from mwaa_local.console import Console, duration
from mwaa_local.errors import QUOTED
from mwaa_local.remarks import NOTE, Remark, load_remarks

if TYPE_CHECKING:
    from mwaa_local.api.address import Address
    from mwaa_local.api.environments.faults import Fault
    from mwaa_local.api.environments.record import RecordedEvent
    from mwaa_local.api.environments.registry import Registry
    from mwaa_local.api.environments.served import Served
    from mwaa_local.lifecycle import State
    from mwaa_local.project import Project

SHOWN_EVENTS = 3  # of each environment, the newest


@dataclass(frozen=True)
class Service:
    """What the API of a project, or of a folder of projects, has to tell."""

    environments: Sequence[Served]
    faults: Sequence[Fault]
    address: Address | None = None  # of the API; None where it does not run
    starts_with: str = ""  # the command that starts it

    @property
    def running(self) -> list[Served]:
        """The environments that run, but for the project's own."""
        return [each for each in self.environments if not each.is_own and each.look.is_running]

    def to_json(self) -> dict[str, Any]:
        return {
            "api": self.address.url if self.address else None,
            "environments": [_as_plain(each) for each in self.environments],
            "faults": [asdict(each) for each in self.faults],
        }

    def show(self, console: Console) -> None:
        for each in self.environments:
            _show(console, each)
        if self.address is None and any(each.look.is_running or each.record.operation for each in self.environments):
            what = "MWAA's API is not running: boto3 and `aws mwaa` get no answer"
            console.say(f"warning: {what}\n\nhint: {self.starts_with}")
        for fault in self.faults:
            console.say(f"warning: the fault {fault.line()}\n\nhint: mwaa-local fault clear")


def service_of(session: Session, state: State | None) -> Service:
    """Return what the API of the session's project knows; nothing is begun again by looking.

    `state` is that of the project's own environment, which is not looked at a second time.
    """
    from mwaa_local.api.environments.registry import Registry
    from mwaa_local.api.environments.status import Look
    from mwaa_local.web_address import WebAddress

    registry = Registry.of_project(session.project, session.env)
    door = WebAddress.of(state.plan) if state else None
    seen = Look(time.monotonic(), state is not None, state is not None and state.is_healthy, door=door)
    registry.looks.know(session.project, seen)
    return _service(registry, "mwaa-local up" if state else "mwaa-local api --detach")


def service_of_folder(folder: Path, env: Mapping[str, str]) -> Service:
    """Return what the API of a folder of projects knows."""
    from mwaa_local.api.environments.registry import Registry

    return _service(Registry.of_folder(folder, env), f"mwaa-local api {shlex.quote(str(folder))} --detach")


def _service(registry: Registry, starts_with: str) -> Service:
    from mwaa_local.api.address import ApiFolder
    from mwaa_local.api.environments.faults import Faults
    from mwaa_local.local_aws import owner_of

    faults = Faults.around(registry.home) if registry.own else Faults.of(registry.home)
    address = ApiFolder.of(registry.home.state_dir).address
    if registry.own and (owner := owner_of(registry.own)) != registry.own:  # made by that one's API, and served by it
        address = ApiFolder.of(owner.state_dir).address or address
        starts_with = f"mwaa-local api {shlex.quote(str(owner.root_dir))} --detach"
    return Service(registry.all(), faults.listed(), address, starts_with)


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
        "last_sync": last_sync(served.project),
        "events": [asdict(event) for event in served.events],
        "remarks": [asdict(remark) for remark in _remarks(served)],
    }


def _remarks(served: Served) -> list[Remark]:
    """Return what the last start and the last sync had to say, with a caller's hints; the own one's is with it."""
    from mwaa_local.api.environments.hints import for_caller
    from mwaa_local.sync.state import SyncState

    if served.is_own or not served.look.is_running:
        return []
    folder, record = served.project.root_dir, served.record
    return [
        replace(each, hint=for_caller(each.hint, folder, record, f"{each.what} {each.why}"))
        for each in (*load_remarks(served.project.run_dir), *SyncState(served.project).remarks)
    ]


def _show(console: Console, served: Served) -> None:
    operation, now = served.record.operation, time.time()
    phase = f", {operation.phase} for {duration(now - operation.began)}" if operation else ""
    folder = "" if served.is_own else f"  {served.project.root_dir}"
    why = "" if served.is_own or operation or not served.look.why else f" ({served.look.why})"
    console.show(f"environment {served.name}: {served.status}{phase}{why}{folder}")
    failed = None if operation else (served.last_update or {}).get("Error")
    if failed:
        console.show(f"  last update failed: {failed['ErrorMessage']}")
    for remark in (each for each in _remarks(served) if each.severity != NOTE):
        console.show(f"  {remark.severity}: {remark.what}")
        _show_reason(console, remark.why, remark.hint)
    if not served.is_own:
        show_last_sync(console, served.project, "  ")
    for event in _shown_events(served, with_failure=failed is not None):
        console.show(f"  {duration(now - event.at)} ago: {event.what}")
        if event.is_failure:
            _show_reason(console, in_short(event.why), event.hint)


def last_sync(project: Project) -> dict[str, Any] | None:
    """Return the last sync with a bucket that changed something."""
    from mwaa_local.sync.state import SyncState

    change = SyncState(project).last_change
    return asdict(change) if change else None


def show_last_sync(console: Console, project: Project, indent: str = "") -> None:
    from mwaa_local.sync.state import SyncState

    if change := SyncState(project).last_change:
        console.show(f"{indent}{change.line(time.time())}")


def _shown_events(served: Served, *, with_failure: bool) -> Sequence[RecordedEvent]:
    """Return the newest events, and before them what the last failure was where a rollback has come since."""
    newest = served.events[-SHOWN_EVENTS:]
    if not with_failure or any(event.is_failure for event in newest):
        return newest
    return [*[event for event in served.events if event.is_failure][-1:], *newest]


def in_short(why: str) -> str:
    """Return a reason with the last line alone of each log that it quotes: a history is no place for all of them."""
    lines = why.splitlines()
    return "\n".join(
        line for line, after in pairwise([*lines, ""]) if not (line.startswith(QUOTED) and after.startswith(QUOTED))
    )


def _show_reason(console: Console, why: str, hint: str) -> None:
    for line in [*why.splitlines(), *([f"hint: {hint}"] if hint else [])]:
        console.show(f"    {line}")
