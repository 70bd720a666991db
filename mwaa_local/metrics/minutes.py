"""What the collector has written (`guest/statsd`): each minute, and what holds now. Read without trust.

`minutes-YYYY-MM-DD.jsonl` has a line for each minute: `minute` is the second of Unix time with which it began,
`counters` are sums by name, `gauges` and `timers` are `[count, sum, least, greatest, last]`. A minute may have two
lines.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MINUTE_S = 60
DAY_S = 24 * 3600
NOW_NAME = "now.json"


@dataclass(frozen=True)
class Spread:
    """How many values there were, their sum, the least, the greatest and the last of them."""

    count: float
    total: float
    least: float
    greatest: float
    last: float

    def with_later(self, later: Spread) -> Spread:
        return Spread(
            self.count + later.count,
            self.total + later.total,
            min(self.least, later.least),
            max(self.greatest, later.greatest),
            later.last,
        )

    def divided(self, by: float) -> Spread:
        """Return the same values in a unit that is so much larger."""
        return Spread(self.count, self.total / by, self.least / by, self.greatest / by, self.last / by)


@dataclass(frozen=True)
class Sums:
    """Counters, gauges and timers by name, of one minute or of all the time."""

    counters: Mapping[str, float] = field(default_factory=dict)
    gauges: Mapping[str, Spread] = field(default_factory=dict)
    timers: Mapping[str, Spread] = field(default_factory=dict)

    def with_later(self, later: Sums) -> Sums:
        counters = {**self.counters}
        for name, value in later.counters.items():
            counters[name] = counters.get(name, 0.0) + value
        return Sums(counters, _together(self.gauges, later.gauges), _together(self.timers, later.timers))


def minute_of(when: float) -> int:
    """Return the second with which the minute began."""
    return int(when) // MINUTE_S * MINUTE_S


def day_files(folder: Path, kind: str, first: int, last: int) -> Iterator[Path]:
    """Yield the files of the days of these minutes that are there."""
    for day in range(first // DAY_S, last // DAY_S + 1):
        path = folder / time.strftime(f"{kind}-%Y-%m-%d.jsonl", time.gmtime(day * DAY_S))
        if path.is_file():
            yield path


def lines_of(folder: Path, kind: str, first: int, last: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield (minute, line) of the minutes from `first` to `last`; what a crash tore is passed over."""
    for path in day_files(folder, kind, first, last):
        for line in path.read_bytes().splitlines():
            try:
                plain = json.loads(line)
                minute = int(plain["minute"])
            except (ValueError, KeyError, TypeError):
                continue
            if first <= minute <= last:
                yield minute, plain


def read_minutes(folder: Path, first: int, last: int) -> dict[int, Sums]:
    """Return {minute: what came in it}, of all from `first` to `last` that were written, in their order."""
    found: dict[int, Sums] = {}
    for minute, plain in lines_of(folder, "minutes", first, last):
        try:
            sums = sums_from(plain)
        except (ValueError, TypeError, AttributeError):
            continue
        found[minute] = found[minute].with_later(sums) if minute in found else sums
    return dict(sorted(found.items()))


def read_now(folder: Path) -> tuple[float, Sums] | None:
    """Return when it was written, and all since the collector began; None where nothing can be read."""
    try:
        plain = json.loads((folder / NOW_NAME).read_bytes())
        return float(plain["time"]), sums_from(plain)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def sums_from(plain: Mapping[str, Any]) -> Sums:
    """Return what a line has. Raises ValueError, TypeError or AttributeError where it is none of ours."""
    return Sums(
        {str(name): float(value) for name, value in plain.get("counters", {}).items()},
        {str(name): _spread(values) for name, values in plain.get("gauges", {}).items()},
        {str(name): _spread(values) for name, values in plain.get("timers", {}).items()},
    )


def _spread(values: Sequence[float]) -> Spread:
    return Spread(*map(float, values))


def _together(one: Mapping[str, Spread], other: Mapping[str, Spread]) -> dict[str, Spread]:
    found = {**one}
    for name, spread in other.items():
        found[name] = found[name].with_later(spread) if name in found else spread
    return found
