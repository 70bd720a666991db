"""The Runtime protocol: five verbs that every backend can do, and the values they speak.

Backends: `process` (plain processes under our own supervisor) and `compose` (containers under Docker Compose).
Nothing here knows which one is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from mwaa_local.plan import Plan

# States of a component, the same meaning in every runtime.
WAITING = "waiting"  # for the components it depends on
STARTING = "starting"  # launched, not yet ready
READY = "ready"  # its port answers and its own sign was seen
RESTARTING = "restarting"  # it died and waits for its next try
FAILED = "failed"  # it died too often, or did not become ready in time
STOPPING = "stopping"
STOPPED = "stopped"
FINISHED = "finished"  # a one-time component that ended well

# Why a component does not run, for programs and for `status --json`; `detail` tells people, in words that may change.
# Plain strings, so that they are the same after a socket or a file.
Cause = Literal["", "dependency failed", "not ready in time", "ended", "could not be run", "no container"]
DEPENDENCY_FAILED: Final = "dependency failed"  # not started, because one that it depends on failed
NOT_READY: Final = "not ready in time"
ENDED: Final = "ended"  # its process ended though it should run, or did not end well
NOT_RUN: Final = "could not be run"  # there is no such program, or the engine could not start the container
NO_CONTAINER: Final = "no container"


@dataclass(frozen=True)
class ComponentStatus:
    """How one component is now."""

    name: str
    state: str
    pid: int | None = None
    exit_code: int | None = None
    restarts: int = 0
    since: float = 0.0  # epoch seconds of the last change of state
    detail: str = ""
    cause: Cause = ""  # of `failed`, `restarting`, or a `stopped` that nobody asked for


@dataclass(frozen=True)
class LogLine:
    """One line of a component's output."""

    component: str
    stream: str  # "out" or "err"
    text: str
    time: float  # epoch seconds


@dataclass(frozen=True)
class Event:
    """What just changed, for the screen: `component` took `elapsed_s` seconds to reach `state`."""

    component: str
    state: str
    elapsed_s: float = 0.0
    detail: str = ""
    pid: int | None = None
    exit_code: int | None = None


class Runtime(Protocol):
    """Carries a plan out."""

    @property
    def running(self) -> bool:
        """Whether an environment runs here."""

    def running_plan(self) -> Plan | None:
        """Return the plan that runs, or None."""

    def start(self, plan: Plan, on_event: Callable[[Event], None]) -> None:
        """Start what does not run, restart what changed, leave the rest; return when all are ready."""

    def stop(self, *, now: bool = False, on_event: Callable[[Event], None] | None = None) -> bool:
        """Stop everything; return whether anything was running. `now` kills instead of waiting for running tasks."""

    def status(self) -> list[ComponentStatus]:
        """Return every component of the running plan, or nothing when none runs."""

    def logs(self, names: Sequence[str], *, follow: bool, from_end: bool = False) -> Iterator[LogLine]:
        """Yield the lines of the named components (all when empty) by time; with `follow`, go on as they come.

        `from_end` leaves out what is there already.
        """

    def run(self, component: str, argv: Sequence[str], env: Mapping[str, str] | None = None) -> int:
        """Run an Airflow command in that component's environment on this process's streams; return its exit code."""

    def capture(self, component: str, argv: Sequence[str]) -> tuple[int, str]:
        """Run an Airflow command as `run` does; return its exit code and output, lines of both streams mixed."""

    def memory_kills(self) -> int | None:
        """Return how many processes the kernel has killed for lack of memory where tasks run; None if it does not say.

        Only a difference between two answers means something.
        """

    def remove_data(self) -> None:
        """Remove what a stopped environment keeps: the databases of all releases, the queue, installed packages."""

    def remove_database(self, airflow_version: str) -> None:
        """Remove the database of one release, and the queue, whose messages would name runs that are gone."""
