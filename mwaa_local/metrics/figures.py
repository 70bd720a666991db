"""Figures of the components of an environment, once a minute: processor, memory, network, tasks, heartbeats.

The observer writes them beside the collector's minutes, as `figures-YYYY-MM-DD.jsonl`, whose days the collector
removes with its own.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from mwaa_local.database.health import Health
from mwaa_local.database.tasks import TaskCounts, task_counts
from mwaa_local.files import PRIVATE_FILE_MODE
from mwaa_local.metrics.minutes import lines_of
from mwaa_local.plan import HeartbeatReady, Plan
from mwaa_local.runtime.usage import Usage

KIND = "figures"  # how the names of their files begin
DIGITS = 2
PER_CENT = 100.0


@dataclass(frozen=True)
class ComponentFigures:
    """One component over a while."""

    cpu_percent: float  # of one core
    memory_bytes: int  # at its end
    received_bytes_s: float | None = None  # None where a component has no network of its own
    sent_bytes_s: float | None = None


@dataclass(frozen=True)
class Figures:
    """All components, and what Airflow's own servers say."""

    components: Mapping[str, ComponentFigures]
    tasks: TaskCounts | None  # None when the database does not answer
    heartbeat_ages_s: Mapping[str, float] = field(default_factory=dict)  # component -> since its newest heartbeat

    def plain(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Return what a line has. Raises TypeError, ValueError, KeyError or AttributeError where it is none of ours."""
        return cls(
            {str(name): ComponentFigures(**each) for name, each in plain["components"].items()},
            TaskCounts(**plain["tasks"]) if plain["tasks"] else None,
            {str(name): float(age) for name, age in plain["heartbeat_ages_s"].items()},
        )


@dataclass(frozen=True)
class Look:
    """What components had used at one moment, by a clock that nobody sets."""

    when: float
    usage: Mapping[str, Usage]

    def since(self, before: Look) -> dict[str, ComponentFigures]:
        """Return what each component used since then; one that was not there then, or began anew, is left out."""
        elapsed_s = self.when - before.when
        found = {}
        for name, now in self.usage.items():
            then = before.usage.get(name)
            if then is None or then.cpu_s > now.cpu_s or elapsed_s <= 0:
                continue
            found[name] = ComponentFigures(
                round((now.cpu_s - then.cpu_s) / elapsed_s * PER_CENT, DIGITS),
                now.memory_bytes,
                _rate(now.received_bytes, then.received_bytes, elapsed_s),
                _rate(now.sent_bytes, then.sent_bytes, elapsed_s),
            )
        return found


def look(usage: Mapping[str, Usage]) -> Look:
    return Look(time.monotonic(), usage)


def figures(plan: Plan, health: Health, before: Look, now: Look) -> Figures:
    """Return what holds now, and what was used since `before`."""
    return Figures(now.since(before), task_counts(health), heartbeat_ages_s(plan, health))


def heartbeat_ages_s(plan: Plan, health: Health) -> dict[str, float]:
    """Return for how long each kind of component has sent no heartbeat; of several the newest counts."""
    names = {
        item.ready.job_type: item.name for item in reversed(plan.components) if isinstance(item.ready, HeartbeatReady)
    }
    now = time.time()
    beats = [beat for beat in health.heartbeats() if beat.job_type in names]
    return {names[beat.job_type]: round(max(now - beat.time, 0.0), DIGITS) for beat in beats}


def slots(plan: Plan) -> int | None:
    """Return how many tasks the workers run at once; None where they do not say.

    The first number of `celery.worker_autoscale` is the most processes of one worker (Airflow, `celery worker`).
    """
    workers = plan.meant("worker")
    try:
        return sum(int(item.env["AIRFLOW__CELERY__WORKER_AUTOSCALE"].partition(",")[0]) for item in workers)
    except (KeyError, ValueError):
        return None


def append_figures(folder: Path, minute: int, found: Figures) -> None:
    """Add the line of a minute, in one step."""
    line = json.dumps({"minute": minute, **found.plain()}, separators=(",", ":")).encode() + b"\n"
    path = folder / time.strftime(f"{KIND}-%Y-%m-%d.jsonl", time.gmtime(minute))
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE_FILE_MODE)
    try:
        size = os.fstat(fd).st_size
        is_torn = size and os.pread(fd, 1, size - 1) != b"\n"  # by a crash or a full disk
        os.write(fd, b"\n" + line if is_torn else line)
    finally:
        os.close(fd)


def read_figures(folder: Path, first: int, last: int) -> dict[int, Figures]:
    """Return {minute: figures} of all from `first` to `last` that were written, in their order."""
    found = {}
    for minute, plain in lines_of(folder, KIND, first, last):
        try:
            found[minute] = Figures.from_plain(plain)
        except (TypeError, ValueError, KeyError, AttributeError):
            continue
    return dict(sorted(found.items()))


def _rate(now: int | None, then: int | None, elapsed_s: float) -> float | None:
    return None if now is None or then is None else round(max(now - then, 0) / elapsed_s, DIGITS)
