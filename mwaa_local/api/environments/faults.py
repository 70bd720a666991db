"""Faults: how the service is to misbehave, on demand, so that scripts which depend on it can be tried.

Set by `mwaa-local fault`, in a file of the project, or of the folder for whose environments it holds. Read at each use,
so that a fault works from the next call or phase on.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mwaa_local import flock
from mwaa_local.api.environments.record import FOLDER, service_dir
from mwaa_local.api.http.errors import INTERNAL, THROTTLING, UNAVAILABLE, ServiceError, ours
from mwaa_local.errors import MwaaLocalError
from mwaa_local.files import read_json, write_private
from mwaa_local.project import STATE_DIR, Project

FAULTS_NAME, LOCK_NAME = "faults.json", "faults.lock"
CREATE_FAILS, UPDATE_FAILS, ROLLBACK_FAILS = "create-failed", "update-failed", "rollback-failed"
THROTTLE, SERVICE_DOWN, SERVICE_BROKEN, SLOW = "throttle", "unavailable", "internal-error", "slow"
DEFAULT_SLOW_S = 5.0
THROTTLING_MESSAGE = "Rate exceeded"  # what AWS's services say with it
HINT = "remove the file: then no fault is set"

# Fault -> what it does, for people. Those that the command does at once are not among them.
KINDS = {
    CREATE_FAILS: "creating an environment ends in CREATE_FAILED",
    UPDATE_FAILS: "an update is made, counts as unhealthy, and is rolled back: UPDATE_FAILED",
    ROLLBACK_FAILS: "rolling back an update fails, too: UNAVAILABLE",
    THROTTLE: f"calls are refused with {THROTTLING}",
    SERVICE_DOWN: f"calls are refused with {UNAVAILABLE}, status 503",
    SERVICE_BROKEN: f"calls are refused with {INTERNAL}, status 500",
    SLOW: "calls are answered late, and creating or updating takes longer",
}


class FaultAsked(MwaaLocalError):
    """A failure that somebody has asked for with `mwaa-local fault`."""


@dataclass(frozen=True)
class Fault:
    """One fault that is set."""

    name: str
    set_at: float  # epoch seconds
    seconds: float = DEFAULT_SLOW_S  # of `slow`
    times: int = 0  # how often it still works; 0 means until it is cleared

    def line(self) -> str:
        """Return it in words."""
        more = f" by {self.seconds:g} s" if self.name == SLOW else ""
        return f"{self.name}: {KINDS[self.name]}{more}" + (f", {self.times} more" if self.times else "")

    @property
    def left(self) -> str:
        """Say what of it is left after it has worked once more."""
        if not self.times:
            return f"The fault {self.name} is set until you clear it."
        if self.times == 1:
            return f"The fault {self.name} was set for this time, and is no more."
        return f"The fault {self.name} is set, {self.times - 1} more."

    @property
    def words(self) -> str:
        """Return both in one line."""
        return f"{self.left[0].lower()}{self.left[1:-1]}; {self.hint}"

    @property
    def hint(self) -> str:
        """Return what ends it, after it has worked once more."""
        return "try again" if self.times == 1 else "mwaa-local fault clear"


@dataclass(frozen=True)
class Faults:
    """The faults that hold at one place: those of the first folder come first."""

    folders: Sequence[Path]

    @classmethod
    def of(cls, project: Project) -> Faults:
        """Return the faults that are set in a project, or in a folder that has a state folder."""
        return cls((service_dir(project),))

    @classmethod
    def around(cls, project: Project) -> Faults:
        """Return the faults that hold for a project's environment: its own, and those of whom it was made for."""
        made_for = [path.parent for path in project.root_dir.parents if path.name == STATE_DIR][:1]
        roots = [project.root_dir, *(made_for or [project.root_dir.parent])]
        return cls(tuple(root / STATE_DIR / FOLDER for root in roots))

    def listed(self) -> list[Fault]:
        """Return the faults that are set. Raises StateCorrupted for a damaged file."""
        return [fault for folder in self.folders for fault in _read(folder).values()]

    def set(self, fault: Fault) -> None:
        with _changing(self.folders[0]) as faults:
            faults[fault.name] = fault

    def clear(self, names: Sequence[str] = ()) -> list[str]:
        """Clear these, or all; return the names of those that were set."""
        with _changing(self.folders[0]) as faults:
            gone = [name for name in faults if not names or name in names]
            for name in gone:
                del faults[name]
        return gone

    def fail(self, name: str, what: str) -> None:
        """Raise FaultAsked if that fault is set."""
        if fault := self._take(name):
            raise FaultAsked(f"{what} was made to fail", fault.left, fault.hint)

    def at_call(self) -> float:
        """Return for how many seconds the answer to a call has to wait. Raises ServiceError for one to be refused."""
        for name, code in ((THROTTLE, THROTTLING), (SERVICE_DOWN, UNAVAILABLE), (SERVICE_BROKEN, INTERNAL)):
            if fault := self._take(name):
                raise ServiceError(code, THROTTLING_MESSAGE) if name == THROTTLE else ours(code, fault.words)
        slow = self._take(SLOW)
        return slow.seconds if slow else 0.0

    def sleep_if_slow(self) -> None:
        """Let an operation take longer."""
        slow = self._take(SLOW)
        if slow:
            time.sleep(slow.seconds)

    def _take(self, name: str) -> Fault | None:
        """Return the fault if it is set, and count that it worked once."""
        for folder in self.folders:
            fault = _read(folder).get(name)
            if fault is None:
                continue
            if not fault.times:
                return fault
            with _changing(folder) as faults:
                fault = faults.pop(name, None)
                if fault is not None and fault.times > 1:
                    faults[name] = replace(fault, times=fault.times - 1)
            if fault is not None:
                return fault
        return None


def _read(folder: Path) -> dict[str, Fault]:
    path = folder / FAULTS_NAME
    if not path.exists():
        return {}
    plain = read_json(path, "the list of faults", HINT)
    return {name: Fault(**fault) for name, fault in plain.items() if name in KINDS}


@contextlib.contextmanager
def _changing(folder: Path) -> Iterator[dict[str, Fault]]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with flock.held(folder / LOCK_NAME):
        faults = _read(folder)
        yield faults
        write_private(folder / FAULTS_NAME, json.dumps({name: asdict(fault) for name, fault in faults.items()}))
