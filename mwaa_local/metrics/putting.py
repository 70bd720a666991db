"""What of the minutes is put into CloudWatch already, and how the rest follows: each minute once, in order.

How far it came is noted after each call, so that a minute that was put in part goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mwaa_local.files import write_private
from mwaa_local.metrics.cloudwatch import Batch, batches
from mwaa_local.metrics.datum import Datum
from mwaa_local.metrics.figures import read_figures
from mwaa_local.metrics.minutes import MINUTE_S, minute_of, read_minutes
from mwaa_local.metrics.names import airflow_data, in_guide_units
from mwaa_local.metrics.service_data import service_data
from mwaa_local.release import Release

if TYPE_CHECKING:
    from mwaa_local.environment.environment import Environment

PLACE_NAME = "put.json"
# How far back a local AWS is told what it missed; it keeps no older ones (guest/aws/metrics.py).
CATCH_UP_S = 3 * 3600
# After the end of a minute, when all that is written of it surely is there.
LATE_S = 8.0


@dataclass(frozen=True)
class Place:
    """How far the putting came: so many data of that minute, and all of those before."""

    minute: int
    done: int

    @classmethod
    def read(cls, folder: Path) -> Place | None:
        """Return what was noted; None where nothing is, or nobody can read it any more."""
        try:
            plain = json.loads((folder / PLACE_NAME).read_bytes())
            return cls(int(plain["minute"]), int(plain["done"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        write_private(folder / PLACE_NAME, json.dumps({"minute": self.minute, "done": self.done}))


def put_all(
    folder: Path, environment: Environment, now: float, put: Callable[[Batch], None], is_ended: Callable[[], bool]
) -> int:
    """Put all complete minutes that were not yet, until `is_ended`; return how many data. Raises what `put` raises."""
    count = 0
    last = minute_of(now - LATE_S) - MINUTE_S
    place = Place.read(folder) or Place(0, 0)
    if place.minute > last + MINUTE_S:  # of a clock that was set back: what came before `last` was put by then
        place = Place(last, 0)
        place.write(folder)  # else minutes that an AWS which is away now misses would be passed over
    first = max(place.minute, minute_of(now - CATCH_UP_S))
    for minute, data in _minutes(folder, environment, first, last):
        for batch in batches(data, place.done if minute == place.minute else 0):
            if is_ended():
                return count
            put(batch)
            count += len(batch.data)
            Place(minute, batch.done).write(folder)
    return count


def _minutes(folder: Path, environment: Environment, first: int, last: int) -> Iterator[tuple[int, list[Datum]]]:
    timers = Release.load(environment.airflow_version).millisecond_timers
    sums, figures = read_minutes(folder, first, last), read_figures(folder, first, last)
    for minute in sorted({*sums, *figures}):
        data: list[Datum] = []
        if minute in sums:
            data += airflow_data(in_guide_units(sums[minute], timers), minute, environment.name)
        if minute in figures:
            data += service_data(figures[minute], minute, environment)
        yield minute, data
