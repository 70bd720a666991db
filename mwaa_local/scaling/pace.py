"""When workers come and which of them may go: MWAA's formula, and how long a load has to last before it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mwaa_local.scaling.bounds import Bounds

# MWAA looks at metrics of a minute, and its containers need minutes to start. Here nobody has to wait for that; a load
# that is over by the next look is not worth the seconds of processor time that a worker takes to start.
GROW_AFTER_S = 10.0
# A worker is idle on MWAA after two checks, 20 s apart (amazon-mwaa-docker-images, task monitor). A load that rises
# and falls within a minute makes none come and go.
IDLE_AFTER_S = 20.0
SHRINK_AFTER_S = 60.0


@dataclass(frozen=True)
class Load:
    """Task instances that the executor has: in a worker's hands, or on their way to one.

    `busy` names the workers that run a task, or of which that is not sure.
    """

    running: int
    queued: int
    busy: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Decision:
    """So many workers more, or these ones out. Never both."""

    add: int = 0
    retire: tuple[str, ...] = ()


def required_workers(load: Load, slots: int, bounds: Bounds) -> int:
    """Return how many workers this load asks for; `slots` is how many tasks one runs at a time.

    Source: MWAA user guide, "Configuring Amazon MWAA worker automatic scaling": running and queued tasks, divided by
    the tasks of one worker, between `MinWorkers` and `MaxWorkers`.
    """
    needed = -(-(load.running + load.queued) // max(1, slots))
    return max(bounds.least, min(needed, bounds.most))


@dataclass
class Pace:
    """What was seen of one environment so far. Times are of any clock that does not go back, in seconds."""

    bounds: Bounds
    slots: int
    _more_since: float | None = None
    _fewer_since: float | None = None
    _idle_since: dict[str, float] = field(default_factory=dict)

    def decide(self, now: float, load: Load, workers: Sequence[str]) -> Decision:
        """Return what to do about these workers, in the order of their numbers; those that leave are none of them."""
        idle = [name for name in workers if name not in load.busy]
        self._idle_since = {name: self._idle_since.get(name, now) for name in idle}
        surplus = len(workers) - required_workers(load, self.slots, self.bounds)
        self._more_since = (now if self._more_since is None else self._more_since) if surplus < 0 else None
        self._fewer_since = (now if self._fewer_since is None else self._fewer_since) if surplus > 0 else None
        if len(workers) < self.bounds.least:
            return Decision(add=self.bounds.least - len(workers))
        if self._more_since is not None and now - self._more_since >= GROW_AFTER_S:
            self._more_since = None  # those that come now are seen at the next look
            return Decision(add=-surplus)
        if self._fewer_since is not None and now - self._fewer_since >= SHRINK_AFTER_S:
            # The newest first, so that numbers stay small.
            able = [name for name in reversed(idle) if now - self._idle_since[name] >= IDLE_AFTER_S]
            return Decision(retire=tuple(able[:surplus]))
        return Decision()
