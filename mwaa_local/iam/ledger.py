"""Ledger: what was called, counted, in a private file that outlives whoever writes it. One writer, any readers.

{"format": 1, "left_out": 0, "left_out_last": EPOCH_S, "calls": [
 {"environment": "dev", "action": "s3:GetObject", "resource": "arn:…",
 "call": "s3:GetObject", "dag": "UUID or empty", "caller": "S3Hook or empty", "count": 3, "refused": 0,
 "first": EPOCH_S, "last": EPOCH_S}, …]}
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from .policies import fits

FORMAT = 1
SUFFIX = ".calls.json"
FORGOTTEN = "forgotten"  # holds a time: what was called before it is no more to be counted
MAX_ENTRIES = 5000  # about 1.5 MB
MAX_RESOURCES = 50  # of one action and caller; then those of one folder become one, but for a sample of each
MAX_PATTERNS = 10  # of these; then those of folders above become one
OF_OTHERS = "*"
EACH_STREAM = ":*"  # the end of a log group's ARN in policies
KIND_COLONS = 6  # of `arn:aws:lambda:REGION:ACCOUNT:function:*`


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
        self._patterns: dict[tuple[str, str, str, str], dict[str, None]] = defaultdict(dict)
        self._left_out, self._left_out_last = _left_out_of(path)
        self._is_dirty = False
        for called, times in read(path):
            self._place(called)
            self._calls[called] = times

    def add(self, called: Called, *, refused: bool = False) -> None:
        with self._lock:
            times = self._calls.get(called) or self._times_of(called)
            if times is None:
                self._left_out += 1
                self._left_out_last = time.time()
            else:
                times.add(time.time(), refused=refused)
            self._is_dirty = True

    def _times_of(self, called: Called) -> Times | None:
        if self._resources[_whose(called)] >= MAX_RESOURCES:
            called = self._widened(called)
        if called not in self._calls:
            if len(self._calls) >= MAX_ENTRIES:
                self._forget(forgotten_at(self._path.parent))
            if len(self._calls) >= MAX_ENTRIES:
                return None
            self._place(called)
            self._calls[called] = Times()
        return self._calls[called]

    def _widened(self, called: Called) -> Called:
        """Return what it counts as: its folder's or a higher one's pattern, or itself as a new folder's sample."""
        patterns = self._patterns[_whose(called)]
        if wide := next((pattern for pattern in patterns if fits(pattern, called.resource)), ""):
            return replace(called, resource=wide)
        pattern = widened(called.resource)
        if len(patterns) < MAX_PATTERNS:
            patterns[pattern] = None
            return called
        pattern = max((common(pattern, other) for other in patterns), key=len) or pattern
        patterns[pattern] = None
        return replace(called, resource=pattern)

    def _place(self, called: Called) -> None:
        self._resources[_whose(called)] += 1
        if is_pattern(called.resource):
            self._patterns[_whose(called)][called.resource] = None

    def write(self) -> None:
        """Write what is new, whole or not at all. Raises OSError."""
        with self._lock:
            if not self._is_dirty:
                return
            self._is_dirty = False  # what is called from now on is
            self._forget(forgotten_at(self._path.parent))
            rows = [{**asdict(called), **asdict(times)} for called, times in self._calls.items()]
            about = {"format": FORMAT, "left_out": self._left_out, "left_out_last": self._left_out_last}
            text = json.dumps({**about, "calls": rows})
        try:
            self._replace(text)
        except OSError:
            self._is_dirty = True
            raise

    def _replace(self, text: str) -> None:
        part = self._path.with_suffix(".part")
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(self._path)

    def _forget(self, before: float) -> None:
        for called in [called for called, times in self._calls.items() if times.last <= before]:
            self._resources[_whose(called)] -= 1
            self._patterns[_whose(called)].pop(called.resource, None)
            del self._calls[called]
        if self._left_out_last <= before:
            self._left_out = 0


def _whose(called: Called) -> tuple[str, str, str, str]:
    return called.environment, called.action, called.dag, called.caller


def widened(resource: str) -> str:
    """Return a pattern for a resource and those beside it: all objects of a folder, all names of a kind."""
    if ":s3:::" in resource and "/" not in resource:
        return resource
    plain = resource.removesuffix(EACH_STREAM)
    head, mark, _ = plain.rpartition("/") if "/" in plain else plain.rpartition(":")
    return f"{head}{mark}{OF_OTHERS}" if mark else resource


def is_pattern(resource: str) -> bool:
    """Say whether it stands for several resources, as `widened` makes it: not one log group with its streams."""
    return resource.endswith(f"/{OF_OTHERS}") or (resource.endswith(EACH_STREAM) and resource.count(":") == KIND_COLONS)


def common(pattern: str, other: str) -> str:
    """Return the pattern for the deepest folder that has what fits either; "" where they share no kind or bucket."""
    both = zip(pattern.split("/")[:-1], other.split("/")[:-1], strict=False)
    shared = [name for name, _ in itertools.takewhile(lambda names: names[0] == names[1], both)]
    return "/".join([*shared, OF_OTHERS]) if shared else ""


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
    return sum(_left_out_of(path)[0] for path in folder.glob(f"*{SUFFIX}"))


def _left_out_of(path: Path) -> tuple[int, float]:
    """Return how many calls a ledger left out, and when the last of them was."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        found = json.loads(path.read_text(encoding="utf-8"))
        count, last = int(found["left_out"]), float(found["left_out_last"])
        return (count, last) if last > forgotten_at(path.parent) else (0, 0.0)
    return 0, 0.0


def actions_called(calls: Iterable[tuple[Called, Any]]) -> set[str]:
    return {called.action for called, _ in calls if called.action}
