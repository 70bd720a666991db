"""What runtimes report about components: their state, what they wrote, what just changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from mwaa_local.naming import kind_of, number_of

# States of a component, the same meaning in every runtime.
WAITING = "waiting"  # for the components it depends on
STARTING = "starting"  # launched, not yet ready
READY = "ready"  # its port answers and its own sign was seen
RESTARTING = "restarting"  # it died and waits for its next try
FAILED = "failed"  # it died too often, or did not become ready in time
STOPPING = "stopping"
LEAVING = "leaving"  # one of several that is to be no more: it ends when its running tasks have
STOPPED = "stopped"
FINISHED = "finished"  # a one-time component that ended well
# No state of a component: how far something long has come, told often. Each report is worth as much as the last one.
COUNTING: Final = "counting"
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
    """The state of one component now."""

    name: str
    state: str
    pid: int | None = None
    exit_code: int | None = None
    restarts: int = 0
    since: float = 0.0  # epoch seconds of the last change of state
    detail: str = ""
    cause: Cause = ""  # of `failed`, `restarting`, or a `stopped` that nobody asked for


def amiss(statuses: Iterable[ComponentStatus]) -> list[ComponentStatus]:
    """Return those that keep an environment from being healthy.

    A worker that leaves is none of it any more, and one that comes is none yet, as long as another one is ready.
    """
    statuses = list(statuses)
    ready = {kind_of(item.name) for item in statuses if item.state == READY and number_of(item.name)}
    return [
        item
        for item in statuses
        if item.state not in (READY, FINISHED, LEAVING)
        and not (item.state in (WAITING, STARTING) and not item.restarts and kind_of(item.name) in ready)
    ]


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
