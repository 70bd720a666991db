"""What holds in an environment at one moment: tasks, slots, and each component's state, CPU, memory, heartbeat."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mwaa_local.database.health import Health
from mwaa_local.event import FINISHED, ComponentStatus
from mwaa_local.metrics.figures import Figures, Look, figures, look, slots
from mwaa_local.plan import Plan
from mwaa_local.runtime.protocol import Runtime

BETWEEN_LOOKS_S = 1.0  # CPU is what was used between two looks
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
UNKNOWN = "-"


@dataclass(frozen=True)
class ComponentNow:
    """One component. None is what nobody can tell."""

    name: str
    state: str
    cpu_percent: float | None  # of one core
    memory_bytes: int | None
    heartbeat_age_s: float | None  # of those that send heartbeats


@dataclass(frozen=True)
class Now:
    """One environment."""

    airflow_version: str
    time: float  # epoch seconds
    running: int | None  # task instances; None when the database does not answer
    queued: int | None
    oldest_queued_s: float | None
    slots: int | None  # how many tasks the workers run at once
    components: tuple[ComponentNow, ...]

    def plain(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def headline(self) -> str:
        """Return in one line what there is to do and to do it with."""
        if self.running is None:
            return "tasks: the metadata database does not answer"
        of_slots = "" if self.slots is None else f" in {self.slots} slots"
        waits = f", the oldest for {self.oldest_queued_s:.0f} s" if self.queued and self.oldest_queued_s else ""
        return f"tasks: {self.running} running{of_slots}, {self.queued} queued{waits}"

    def rows(self) -> list[tuple[str, ...]]:
        """Return the lines of a table of components, with their sum at the end."""
        rows = [
            (item.name, item.state, _percent(item.cpu_percent), size(item.memory_bytes), _age(item.heartbeat_age_s))
            for item in self.components
        ]
        cpu = [item.cpu_percent for item in self.components if item.cpu_percent is not None]
        memory = [item.memory_bytes for item in self.components if item.memory_bytes is not None]
        total = ("all", "", _percent(sum(cpu) if cpu else None), size(sum(memory) if memory else None), "")
        return [*rows, total]


HEADS = ("component", "state", "CPU", "memory", "heartbeat")


class Watch:
    """Looks again and again at one environment."""

    def __init__(self, runtime: Runtime, plan: Plan) -> None:
        self._runtime = runtime
        self._take(plan)
        self._before: Look | None = None

    def now(self, wait: Callable[[float], object] = time.sleep) -> Now:
        """Return what holds now; the first time this waits for a moment, to see what is used in it."""
        if self._before is None:
            self._before = look(self._runtime.usage())
            wait(BETWEEN_LOOKS_S)
        plan = self._runtime.running_plan()  # it changes: workers come and go
        if plan is not None and plan != self._plan:
            self._health.close()
            self._take(plan)
        after = look(self._runtime.usage())
        found = figures(self._plan, self._health, self._before, after)
        memory = {name: usage.memory_bytes for name, usage in after.usage.items()}
        self._before = after
        return _now(self._plan, self._runtime.status(), found, memory)

    def _take(self, plan: Plan) -> None:
        self._plan = plan
        self._health = Health(plan.database_url, plan.broker_url)

    def close(self) -> None:
        self._health.close()


def _now(plan: Plan, statuses: Sequence[ComponentStatus], found: Figures, memory: dict[str, int]) -> Now:
    components = [
        ComponentNow(
            status.name,
            status.state,
            used.cpu_percent if (used := found.components.get(status.name)) else None,
            memory.get(status.name),
            found.heartbeat_ages_s.get(status.name),
        )
        for status in statuses
        if status.state != FINISHED
    ]
    tasks = found.tasks
    return Now(
        airflow_version=plan.airflow_version,
        time=round(time.time(), 3),
        running=tasks.running if tasks else None,
        queued=tasks.queued if tasks else None,
        oldest_queued_s=round(tasks.oldest_queued_s, 1) if tasks else None,
        slots=slots(plan),
        components=tuple(components),
    )


def size(count: int | None) -> str:
    """Return a number of bytes as people read it."""
    if count is None:
        return UNKNOWN
    unit, name = next(((unit, name) for unit, name in ((GIB, "GiB"), (MIB, "MiB")) if count >= unit), (KIB, "KiB"))
    return f"{count / unit:.1f} {name}" if unit == GIB else f"{count / unit:.0f} {name}"


def _percent(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1f} %"


def _age(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else f"{seconds:.0f} s"
