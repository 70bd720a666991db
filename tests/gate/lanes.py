"""Which tests stay together, in which order they are handed out, and which of the full tier one run takes.

A part is what stands in one file and shares what the file's fixtures start. The tests of a part stay in one process;
so do all parts that use an environment which several files share. Everything else may run side by side: on two cores,
containers beside processes.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

FULL = "full"
DOCKER = "docker"
DISTURBS = "disturbs"
# Seconds that each part took, written by `python -m tests.gate.report --save`; only their proportions matter.
SECONDS_PATH = Path(__file__).with_name("seconds.json")
UNKNOWN_SECONDS = 10.0  # of a part that was never timed: about the median
# Session fixtures that start one environment for the tests of many files, and the lane of all that use it.
SHARED_FIXTURES = {"started_processes": "processes", "started_containers": "containers"}
# Parameters for each of whose values a file starts something of its own, so that the values may be parted.
PARTING_PARAMETERS = ("environment", "imported", "local_aws")


def file_of(item: pytest.Item) -> str:
    """Return the file that collects a test: one that takes tests of another file runs them with fixtures of its own."""
    return item.nodeid.split("::", 1)[0]


def part_of(item: pytest.Item) -> str:
    """Return the name of the part that a test belongs to: its file, and what the file starts for it."""
    callspec = getattr(item, "callspec", None)
    params = callspec.params if callspec else {}
    values = [str(params[name]) for name in PARTING_PARAMETERS if name in params]
    docker = [DOCKER] if item.get_closest_marker(DOCKER) else []
    # `docker` may be the value of a parameter, too
    return file_of(item) + "".join(f"[{part}]" for part in dict.fromkeys([*docker, *values]))


def lanes(items: Sequence[pytest.Item]) -> dict[str, str]:
    """Return {part: lane} of these tests; a part that shares nothing with others is a lane of its own."""
    found: dict[str, str] = {}
    for item in items:
        part = part_of(item)
        shared = [SHARED_FIXTURES[name] for name in _fixtures_of(item) if name in SHARED_FIXTURES]
        if shared or part not in found:
            found[part] = shared[0] if shared else part
    return found


def _fixtures_of(item: pytest.Item) -> tuple[str, ...]:
    from tests.environments import LATEST  # which needs the conftest that is being loaded with this module

    callspec = getattr(item, "callspec", None)
    # the fixture of that name then hands on the shared one
    latest = callspec is not None and callspec.params.get("environment") == LATEST
    return (*getattr(item, "fixturenames", ()), *(["started_processes"] if latest else []))


def recorded_seconds() -> dict[str, float]:
    """Return the seconds of each part that was ever timed."""
    plain = json.loads(SECONDS_PATH.read_text(encoding="utf-8"))
    return {str(name): float(seconds) for name, seconds in plain.items()}


def share_of(parts: Iterable[str], number: int, count: int, seconds: Mapping[str, float]) -> set[str]:
    """Return the parts in share `number` (from 1) of `count` shares that take about equally long.

    Each part is in exactly one share: the longest first, each into the share that has the least so far.
    """
    shares: list[tuple[float, int, list[str]]] = [(0.0, index, []) for index in range(1, count + 1)]
    for part in sorted(set(parts), key=lambda name: (-seconds.get(name, UNKNOWN_SECONDS), name)):
        total, index, taken = heapq.heappop(shares)
        taken.append(part)
        heapq.heappush(shares, (total + seconds.get(part, UNKNOWN_SECONDS), index, taken))
    return next(set(taken) for _, index, taken in shares if index == number)


def in_order(items: Sequence[pytest.Item], lane_of: Mapping[str, str], seconds: Mapping[str, float]) -> list[str]:
    """Return the lanes of these tests, the longest first, so that no long one is left for the end."""
    totals: dict[str, float] = {}
    for part in dict.fromkeys(part_of(item) for item in items):
        totals[lane_of[part]] = totals.get(lane_of[part], 0.0) + seconds.get(part, UNKNOWN_SECONDS)
    return sorted(totals, key=lambda lane: (-totals[lane], lane))
