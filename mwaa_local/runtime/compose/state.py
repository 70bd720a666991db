"""What the Docker runtime remembers on disk between two commands, and how commands at the same time keep apart.

The containers themselves are the engine's; this is the plan they were made from and what was seen of them.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mwaa_local import flock
from mwaa_local.event import Cause
from mwaa_local.files import write_private
from mwaa_local.plan import Plan
from mwaa_local.runtime.compose.stored import ComposeProject

STATE_NAME = "docker.json"
CHANGE_LOCK_NAME = "docker.lock"  # held by whoever starts or stops
STOP_LOCK_NAME = "docker-stop.lock"  # held by whoever wants to stop, so that a start makes way


@dataclass(frozen=True)
class Failure:
    """A component that was given up, as long as its container stays as it is."""

    container_id: str  # "" when it has none
    detail: str
    exit_code: int | None = None
    restarts: int = 0
    since: float = field(default_factory=time.time)
    cause: Cause = ""


@dataclass
class SavedState:
    """What one command leaves for the next."""

    plan: dict[str, Any]
    compose: ComposeProject
    ready: dict[str, float] = field(default_factory=dict)  # container -> the start that was seen to become ready
    failed: dict[str, Failure] = field(default_factory=dict)  # by component

    def names(self) -> set[str]:
        """Return the plan's components, and the workers that leave it."""
        return {str(item["name"]) for item in self.plan["components"]}.union(self.plan.get("leaving", ()))


class StateFile:
    """The file in one project's run folder, and the locks beside it."""

    def __init__(self, run_dir: Path) -> None:
        self._dir = run_dir

    @property
    def exists(self) -> bool:
        return (self._dir / STATE_NAME).exists()

    def read(self) -> SavedState | None:
        """Return what is remembered, or None when there is nothing or it cannot be understood."""
        try:
            plain = json.loads((self._dir / STATE_NAME).read_text(encoding="utf-8"))
            compose = plain["compose"]
            file_path, env_path = (Path(compose[key]) if compose[key] else None for key in ("file_path", "env_path"))
            remembered = SavedState(
                plan=dict(plain["plan"]),
                compose=ComposeProject(str(compose["name"]), Path(compose["dir"]), file_path, env_path),
                ready={str(key): float(value) for key, value in plain["ready"].items()},
                failed={str(key): Failure(**value) for key, value in plain["failed"].items()},
            )
            remembered.names()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return remembered

    def write(self, remembered: SavedState) -> None:
        paths = {key: str(value or "") for key, value in asdict(remembered.compose).items()}
        write_private(self._dir / STATE_NAME, json.dumps({**asdict(remembered), "compose": paths}))

    def begin(self, plan: Plan, compose: ComposeProject) -> None:
        """Note a plan that is about to be carried out, keeping what is known of containers that go on."""
        before = self.read()
        self.write(SavedState(plan.to_json(), compose, before.ready if before else {}))

    def note_ready(self, ready: Mapping[str, float]) -> None:
        remembered = self.read()
        if remembered is not None and not ready.items() <= remembered.ready.items():
            remembered.ready |= ready
            self.write(remembered)

    def note_failed(self, name: str, failure: Failure) -> None:
        remembered = self.read()
        if remembered is not None:
            remembered.failed[name] = failure
            self.write(remembered)

    def forget(self) -> None:
        (self._dir / STATE_NAME).unlink(missing_ok=True)

    # Who may change the environment. The kernel gives a lock back when its holder dies.

    @contextlib.contextmanager
    def changing(self, *, wait: bool = True) -> Iterator[bool]:
        """Be the only one who starts, stops or notes; yields whether that is so, which without `wait` it may not be."""
        with self._locked(CHANGE_LOCK_NAME, wait=wait) as mine:
            yield mine

    @contextlib.contextmanager
    def stopping(self) -> Iterator[None]:
        """Have every start make way until this is over."""
        with self._locked(STOP_LOCK_NAME, wait=True):
            yield

    def stop_is_wanted(self) -> bool:
        with self._locked(STOP_LOCK_NAME, wait=False) as free:
            return not free

    @contextlib.contextmanager
    def _locked(self, name: str, *, wait: bool) -> Iterator[bool]:
        self._dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._dir / name).open("a") as file:
            if wait:
                flock.wait(file.fileno())
                yield True
            else:
                yield flock.attempt(file.fileno())
