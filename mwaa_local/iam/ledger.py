"""Ledger: what was called, counted, in a private file that outlives whoever writes it. One writer, any readers.

{"format": 1, "left_out": 0, "calls": [{"environment": "dev", "action": "s3:GetObject", "resource": "arn:…",
 "call": "s3:GetObject", "dag": "UUID or empty", "caller": "S3Hook or empty", "count": 3, "refused": 0,
 "first": EPOCH_S, "last": EPOCH_S}, …]}
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

FORMAT = 1
SUFFIX = ".calls.json"
FORGOTTEN = "forgotten"  # holds a time: what was called before it is no more to be counted
MAX_ENTRIES = 5000  # about 1.5 MB
MAX_RESOURCES = 50  # of one action and caller; then those of one folder become one
OF_OTHERS = "*"


@dataclass(frozen=True)
class Called:
    """What is counted as one: a call by one caller that needs one action on one resource."""

    environment: str
    action: str  # with prefix; "" where the call needs none, or cannot be told
    resource: str  # an ARN, "*", or "" where it is not known
    call: str  # prefix:operation
    dag: str = ""  # the UUID that Airflow's hooks make of its id
    caller: str = ""  # the operator, sensor, trigger or hook


@dataclass
class Times:
    """How often and when. Times are in seconds since 1970."""

    count: int = 0
    refused: int = 0
    first: float = 0.0
    last: float = 0.0

    def add(self, now: float, *, refused: bool) -> None:
        self.count += 1
        self.refused += refused
        self.first, self.last = self.first or now, now


class Ledger:
    """The record of one writer. Methods may be called by several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._calls: dict[Called, Times] = {}
        self._resources: Counter[tuple[str, str, str, str]] = Counter()
        self._left_out = 0
        self._is_dirty = False
        for called, times in read(path):
            self._place(called)
            self._calls[called] = times

    def add(self, called: Called, *, refused: bool = False) -> None:
        with self._lock:
            times = self._calls.get(called) or self._times_of(called)
            if times is None:
                self._left_out += 1
            else:
                times.add(time.time(), refused=refused)
            self._is_dirty = True

    def _times_of(self, called: Called) -> Times | None:
        if self._resources[_whose(called)] >= MAX_RESOURCES:
            called = replace(called, resource=widened(called.resource))
        if called not in self._calls:
            if len(self._calls) >= MAX_ENTRIES:
                return None
            self._place(called)
            self._calls[called] = Times()
        return self._calls[called]

    def _place(self, called: Called) -> None:
        self._resources[_whose(called)] += 1

    def write(self) -> None:
        """Write what is new, whole or not at all. Raises OSError."""
        with self._lock:
            if not self._is_dirty:
                return
            self._is_dirty = False
            self._forget(forgotten_at(self._path.parent))
            rows = [{**asdict(called), **asdict(times)} for called, times in self._calls.items()]
            text = json.dumps({"format": FORMAT, "left_out": self._left_out, "calls": rows})
        part = self._path.with_suffix(".part")
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(self._path)

    def _forget(self, before: float) -> None:
        for called in [called for called, times in self._calls.items() if times.last <= before]:
            self._resources[_whose(called)] -= 1
            del self._calls[called]


def _whose(called: Called) -> tuple[str, str, str, str]:
    return called.environment, called.action, called.dag, called.caller


def widened(resource: str) -> str:
    """Return a pattern for a resource and those beside it: all objects of a bucket, all names of a kind."""
    if ":s3:::" in resource:
        bucket, slash, _ = resource.partition("/")
        return f"{bucket}{slash}{OF_OTHERS}" if slash else resource
    head, mark, _ = resource.rpartition("/") if "/" in resource else resource.rpartition(":")
    return f"{head}{mark}{OF_OTHERS}" if mark else resource


def forgotten_at(folder: Path) -> float:
    """Return since when calls count; 0 for always."""
    try:
        return float((folder / FORGOTTEN).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0.0


def read(path: Path) -> Iterator[tuple[Called, Times]]:
    """Yield what a ledger holds; nothing of a file that is none."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["calls"]
    except (OSError, ValueError, TypeError, KeyError):
        return
    before = forgotten_at(path.parent)
    for row in rows if isinstance(rows, list) else ():
        with contextlib.suppress(TypeError, ValueError, KeyError):
            called = Called(**{name: str(row[name]) for name in Called.__dataclass_fields__})
            times = Times(int(row["count"]), int(row["refused"]), float(row["first"]), float(row["last"]))
            if times.last > before:
                yield called, times


def read_all(folder: Path) -> list[tuple[Called, Times]]:
    """Return what all ledgers of a folder hold."""
    return [each for path in sorted(folder.glob(f"*{SUFFIX}")) for each in read(path)]


def left_out(folder: Path) -> int:
    """Return how many calls were not noted, since there were too many different ones."""
    found = 0
    for path in folder.glob(f"*{SUFFIX}"):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            found += int(json.loads(path.read_text(encoding="utf-8"))["left_out"])
    return found


def actions_called(calls: Iterable[tuple[Called, Any]]) -> set[str]:
    return {called.action for called, _ in calls if called.action}
