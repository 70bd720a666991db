"""The duty of having as many workers as the load asks for, within the bounds; `scaling/` knows when and which."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator

from mwaa_local.database.health import Health
from mwaa_local.database.metadata import ExecutorLoad, Metadata
from mwaa_local.event import FAILED
from mwaa_local.observer.duty import Observed
from mwaa_local.plan import Plan
from mwaa_local.scaling.bounds import WORKER, bounds_of
from mwaa_local.scaling.pace import Load, Pace, required_workers
from mwaa_local.scaling.slots import slots_of

LOOK_S = 5.0
TIDY_S = 15.0  # between two looks whether those that leave have ended
# A worker that could not be made ready, as by its startup script, is not tried again at once.
RETRY_AFTER_S = 300.0
log = logging.getLogger(__name__)
log.setLevel(logging.INFO)


class ExecutorLoads:
    """What the executors of environments have to do, by one connection that is kept."""

    def __init__(self) -> None:
        self._health: Health | None = None

    def of(self, plan: Plan) -> ExecutorLoad | None:
        if self._health is None or self._health.database_url != plan.database_url:
            self._health = Health(plan.database_url, plan.broker_url)
        return Metadata(self._health, ()).executor_load()

    def close(self) -> None:
        if self._health is not None:
            self._health.close()


class Scaling:
    """Workers of one environment. Where their number is fixed it only tidies up after those that leave."""

    name = "scaling"
    interval_s = LOOK_S

    def __init__(self, loads: ExecutorLoads | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._loads = loads or ExecutorLoads()
        self._clock = clock
        self._pace: Pace | None = None
        self._not_before = 0.0  # by the clock
        self._tidy_at = 0.0
        self._some_leave = False

    def round(self, observed: Observed) -> None:
        self._tidy(observed)
        workers = [item.name for item in observed.plan.meant(WORKER)]
        pace = self._pace_of(observed)
        if pace.bounds.is_fixed or not workers or self._clock() < self._not_before:
            return
        found = self._loads.of(observed.plan)
        if found is None:
            return
        able = _able(observed, found, workers)
        load = _load(observed, found, able, pace)
        decision = pace.decide(self._clock(), load, able)
        if add := min(decision.add, pace.bounds.most - len(workers)):
            self._add(observed, add, load)
            if able != workers:  # whoever comes may fail as these did
                self._not_before = self._clock() + RETRY_AFTER_S
        elif decision.retire:
            self._retire(observed, decision.retire, load)

    def finish(self, observed: Observed) -> None:
        self._loads.close()

    def _pace_of(self, observed: Observed) -> Pace:
        if self._pace is None:
            bounds = bounds_of(observed.environment, observed.runtime.memory_bytes())
            worker = next(iter(observed.plan.meant(WORKER)), None)
            self._pace = Pace(bounds, slots_of(worker.env if worker else {}))
        return self._pace

    def _add(self, observed: Observed, count: int, load: Load) -> None:
        if not self._may_change(observed):
            return  # a startup script would run for nothing
        try:
            plan = observed.runtime.grow(WORKER, count)
            names = [item.name for item in plan.meant(WORKER) if observed.plan.component(item.name) is None]
            self._carry_out(observed, plan, f"{_said(load)}; starting {', '.join(names)}")
        except Exception:
            self._not_before = self._clock() + RETRY_AFTER_S
            raise

    def _retire(self, observed: Observed, names: tuple[str, ...], load: Load) -> None:
        plan = observed.plan.retired(names, time.time())
        self._some_leave = True
        self._carry_out(observed, plan, f"{_said(load)}; letting {', '.join(names)} go")

    def _carry_out(self, observed: Observed, plan: Plan, why: str = "") -> None:
        with _unchanged(observed) as may_change:
            if may_change and why:
                log.info(why)
            if may_change:
                observed.runtime.resize(plan)

    @staticmethod
    def _may_change(observed: Observed) -> bool:
        with _unchanged(observed) as may_change:
            return may_change

    def _tidy(self, observed: Observed) -> None:
        some_leave = bool(observed.plan.leaving)
        if (some_leave or self._some_leave) and self._clock() >= self._tidy_at:
            self._tidy_at = self._clock() + TIDY_S
            self._carry_out(observed, observed.plan)
            self._some_leave = some_leave


@contextlib.contextmanager
def _unchanged(observed: Observed) -> Iterator[bool]:
    """Yield whether nobody changes the environment meanwhile, or has done so since it was looked at."""
    with observed.workspace.exclusive_for_a_moment() as is_held:
        yield is_held and not observed.ended.is_set() and observed.runtime.running_plan() == observed.plan


def _able(observed: Observed, found: ExecutorLoad, workers: list[str]) -> list[str]:
    """Return the workers that run tasks, or will; that costs a question, so only where there is something to run."""
    if not found.running and not found.queued:
        return workers
    failed = {item.name for item in observed.runtime.status() if item.state == FAILED}
    return [name for name in workers if name not in failed]


def _load(observed: Observed, found: ExecutorLoad, workers: list[str], pace: Pace) -> Load:
    """Return the load; which workers are busy is only found out where some might go."""
    load = Load(len(found.running), found.queued, frozenset(workers))
    if len(workers) <= required_workers(load, pace.slots, pace.bounds):
        return load
    return Load(load.running, load.queued, observed.runtime.busy(WORKER, found.running))


def _said(load: Load) -> str:
    return f"tasks running: {load.running}, queued: {load.queued}"
