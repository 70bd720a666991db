"""Samples: what one packet of StatsD says. Pure.

Written for what the clients of Airflow's releases send: `statsd` and, where somebody asks for them, DogStatsD's and
InfluxDB's forms of tags. Tags are dropped: each sample of Airflow that has some is sent a second time with a name that
has what they say in it, and it is that name by which MWAA knows it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

COUNTER, GAUGE, TIMER = "counter", "gauge", "timer"
# https://github.com/statsd/statsd/blob/master/docs/metric_types.md; the last two are DogStatsD's.
KINDS = {"c": COUNTER, "g": GAUGE, "ms": TIMER, "h": TIMER, "d": TIMER}
MAX_NAME_CHARACTERS = 512  # CloudWatch's own names have at most 255; a client that sends more is none of Airflow's
LOWEST_RATE = 1e-6


@dataclass(frozen=True)
class Sample:
    """One value. `weight` is how many it stands for: a client with a sample rate of 0.1 sends one of ten."""

    name: str
    kind: str
    value: float
    weight: float = 1.0
    is_change: bool = False  # of a gauge: added to the value that it has


class Unreadable(ValueError):
    """A line is none of StatsD's."""


def samples(packet: bytes, prefix: str) -> Iterator[Sample | None]:
    """Yield the samples of a packet, without the prefix of all names; None for each line that cannot be read."""
    for line in packet.decode("utf-8", "replace").splitlines():
        if line.strip():
            try:
                yield _sample(line.strip(), prefix)
            except Unreadable:
                yield None


def _sample(line: str, prefix: str) -> Sample:
    name, colon, rest = line.rpartition(":") if "|#" not in line else line.partition(":")
    value, *words = rest.split("|")
    kind = KINDS.get(words[0]) if words else None
    name = name.partition(",")[0].strip()
    name = name[len(prefix) :] if name.startswith(prefix) else name
    if not colon or kind is None or not name or len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
        raise Unreadable(line)
    rate = next((_number(word[1:]) for word in words[1:] if word.startswith("@")), 1.0)
    weight = 1.0 / rate if LOWEST_RATE <= rate <= 1.0 else 1.0
    return Sample(name, kind, _number(value), weight, kind == GAUGE and value[:1] in ("+", "-"))


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise Unreadable(text) from error
    if not math.isfinite(number):
        raise Unreadable(text)
    return number
