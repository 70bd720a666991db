"""Sums: what came within one minute, and what has come since the program began. Pure, but for no clock of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .samples import COUNTER, GAUGE, Sample

# Names within one minute, and in all. Airflow sends some for each task: 2,000 tasks are within it. More would be memory
# that nobody asked for.
MAX_NAMES = 20000
GAUGE_KEPT_S = 300.0  # for how long the last value of a gauge is told after it came: a pool may be gone
DIGITS = 6  # behind the point: microseconds of a time in seconds


class Spread:
    """How many values there were, their sum, the least, the greatest and the last of them."""

    __slots__ = ("count", "greatest", "last", "least", "total")

    def __init__(self, value: float, weight: float) -> None:
        self.count, self.total = weight, value * weight
        self.least = self.greatest = self.last = value

    def add(self, value: float, weight: float) -> None:
        self.count += weight
        self.total += value * weight
        self.least, self.greatest, self.last = min(self.least, value), max(self.greatest, value), value

    def plain(self) -> list[float]:
        """Return [count, sum, least, greatest, last]."""
        return [_short(each) for each in (self.count, self.total, self.least, self.greatest, self.last)]


class Sums:
    """Counters, gauges and timers by name."""

    def __init__(self) -> None:
        self.counters: dict[str, float] = {}
        self.gauges: dict[str, Spread] = {}
        self.timers: dict[str, Spread] = {}
        self.dropped = 0  # samples with a name too many
        self.unreadable = 0  # lines

    @property
    def is_empty(self) -> bool:
        return not (self.counters or self.gauges or self.timers or self.dropped or self.unreadable)

    def add(self, sample: Sample, gauge: float) -> None:
        """Add a sample; `gauge` is what the value of a gauge is after it."""
        if sample.kind == COUNTER:
            if sample.name in self.counters or self._has_room():
                self.counters[sample.name] = self.counters.get(sample.name, 0.0) + sample.value * sample.weight
            return
        spreads, value = (self.gauges, gauge) if sample.kind == GAUGE else (self.timers, sample.value)
        weight = 1.0 if sample.kind == GAUGE else sample.weight
        if sample.name in spreads:
            spreads[sample.name].add(value, weight)
        elif self._has_room():
            spreads[sample.name] = Spread(value, weight)

    def _has_room(self) -> bool:
        if len(self.counters) + len(self.gauges) + len(self.timers) < MAX_NAMES:
            return True
        self.dropped += 1
        return False

    def plain(self) -> dict[str, Any]:
        """Return it as it is written; what a reader needs to know of it stands in mwaa_local/metrics/minutes.py."""
        return {
            "counters": {name: _short(value) for name, value in sorted(self.counters.items())},
            "gauges": {name: spread.plain() for name, spread in sorted(self.gauges.items())},
            "timers": {name: spread.plain() for name, spread in sorted(self.timers.items())},
            "dropped": self.dropped,
            "unreadable": self.unreadable,
        }


class Collected:
    """The minute that goes on, and all since the beginning."""

    def __init__(self, now: float) -> None:
        self.since = now
        self.minute = Sums()
        self.all = Sums()
        self._came: dict[str, float] = {}  # gauge -> when

    def add(self, found: Iterable[Sample | None], now: float) -> None:
        for sample in found:
            if sample is None:
                self.minute.unreadable += 1
                self.all.unreadable += 1
                continue
            gauge = sample.value
            if sample.kind == GAUGE:
                before = self.all.gauges.get(sample.name)
                gauge += before.last if sample.is_change and before else 0.0
                self._came[sample.name] = now
            self.minute.add(sample, gauge)
            self.all.add(sample, gauge)

    def end_minute(self) -> Sums:
        """Return what came in the minute that has ended, and begin another."""
        ended, self.minute = self.minute, Sums()
        return ended

    def now(self, now: float) -> dict[str, Any]:
        """Return all since the beginning, without gauges that have not come for long."""
        for name in [name for name, came in self._came.items() if now - came > GAUGE_KEPT_S]:
            del self._came[name]
            self.all.gauges.pop(name, None)
        return {"since": self.since, "time": now, **self.all.plain()}


def _short(value: float) -> float:
    rounded = round(value, DIGITS)
    return int(rounded) if rounded.is_integer() else rounded
