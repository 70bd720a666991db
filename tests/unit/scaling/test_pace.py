"""When workers come and go: MWAA's formula, for any load."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.scaling.bounds import Bounds
from mwaa_local.scaling.pace import (
    GROW_AFTER_S,
    IDLE_AFTER_S,
    SHRINK_AFTER_S,
    Decision,
    Load,
    Pace,
    required_workers,
)

SLOTS = 5  # of mw1.small
BOUNDS = Bounds(1, 4)
LOOK_S = 5.0


def names(*numbers: int) -> list[str]:
    return [f"worker.{number}" for number in numbers]


def looks(pace: Pace, load: Load, workers: list[str], seconds: float, begin: float = 0.0) -> Decision:
    """Return what is decided when the same is seen for so long: the first that is not nothing."""
    for number in range(int(seconds / LOOK_S) + 1):
        decision = pace.decide(begin + number * LOOK_S, load, workers)
        if decision != Decision():
            return decision
    return Decision()


@st.composite
def bounds(draw: st.DrawFn) -> Bounds:
    least = draw(st.integers(1, 25))
    return Bounds(least, draw(st.integers(least, 50)))


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 80), bounds())
def test_required_workers_are_the_tasks_divided_by_the_slots_within_the_bounds(
    running: int, queued: int, slots: int, limits: Bounds
) -> None:
    """MWAA user guide, "Configuring Amazon MWAA worker automatic scaling"."""
    found = required_workers(Load(running, queued), slots, limits)
    assert found == min(max(math.ceil((running + queued) / slots), limits.least), limits.most)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 80), bounds())
def test_more_tasks_never_need_fewer_workers(first: int, more: int, slots: int, limits: Bounds) -> None:
    few, many = Load(first, 0), Load(first, more)
    assert required_workers(few, slots, limits) <= required_workers(many, slots, limits)


def test_load_that_lasts_brings_as_many_workers_as_it_needs_within_a_minute() -> None:
    assert GROW_AFTER_S < 60
    assert looks(Pace(BOUNDS, SLOTS), Load(5, 11), names(1), GROW_AFTER_S) == Decision(add=3)


def test_short_burst_brings_none() -> None:
    pace = Pace(BOUNDS, SLOTS)
    for number in range(20):
        load = Load(5, 10) if number % 2 else Load(0, 0)
        assert pace.decide(number * LOOK_S, load, names(1)) == Decision()


def test_workers_that_come_are_not_asked_for_twice() -> None:
    pace = Pace(BOUNDS, SLOTS)
    assert looks(pace, Load(5, 10), names(1), GROW_AFTER_S).add == 2
    assert looks(pace, Load(5, 10), names(1, 2, 3), 300.0, begin=100.0) == Decision()


def test_load_that_falls_takes_idle_workers_alone_and_the_newest_first() -> None:
    load = Load(1, 0, busy=frozenset({"worker.4"}))
    decision = looks(Pace(BOUNDS, SLOTS), load, names(1, 2, 3, 4), SHRINK_AFTER_S)
    assert decision == Decision(retire=("worker.3", "worker.2", "worker.1"))


def test_worker_that_was_busy_until_now_is_not_idle_yet() -> None:
    pace = Pace(BOUNDS, SLOTS)
    assert looks(pace, Load(1, 0, frozenset(names(1, 2))), names(1, 2), SHRINK_AFTER_S) == Decision()
    begin = SHRINK_AFTER_S + LOOK_S
    assert looks(pace, Load(1, 0, frozenset(names(1))), names(1, 2), IDLE_AFTER_S - LOOK_S, begin) == Decision()
    after = pace.decide(begin + IDLE_AFTER_S, Load(1, 0, frozenset(names(1))), names(1, 2))
    assert after == Decision(retire=("worker.2",))


def test_one_look_at_a_higher_load_keeps_all_for_another_minute() -> None:
    pace = Pace(BOUNDS, SLOTS)
    assert looks(pace, Load(0, 0), names(1, 2), SHRINK_AFTER_S - LOOK_S) == Decision()
    pace.decide(SHRINK_AFTER_S, Load(6, 0), names(1, 2))
    assert looks(pace, Load(0, 0), names(1, 2), SHRINK_AFTER_S - LOOK_S, begin=SHRINK_AFTER_S + LOOK_S) == Decision()


def test_what_is_missing_of_the_least_comes_at_once() -> None:
    assert Pace(Bounds(3, 5), SLOTS).decide(0.0, Load(0, 0), names(1)) == Decision(add=2)


@given(
    limits=bounds(),
    slots=st.integers(1, 10),
    seen=st.lists(
        st.tuples(st.floats(0, 60), st.integers(0, 60), st.integers(0, 60), st.sets(st.integers(1, 30))), max_size=60
    ),
)
def test_whatever_comes_the_bounds_are_kept_and_no_busy_worker_goes(
    limits: Bounds, slots: int, seen: list[tuple[float, int, int, set[int]]]
) -> None:
    pace, now, workers = Pace(limits, slots), 0.0, names(*range(1, limits.least + 1))
    for seconds, running, queued, busy_numbers in seen:
        now += seconds
        load = Load(running, queued, frozenset(names(*busy_numbers)))
        decision = pace.decide(now, load, workers)
        assert not (decision.add and decision.retire)
        assert not load.busy & set(decision.retire)
        assert set(decision.retire) <= set(workers)
        newest = max(int(name.removeprefix("worker.")) for name in workers)
        workers = [name for name in workers if name not in decision.retire]
        workers += names(*range(newest + 1, newest + 1 + decision.add))
        assert limits.least <= len(workers) <= limits.most
        needed = required_workers(load, slots, limits)
        assert not decision.retire or len(workers) >= needed
        assert not decision.add or len(workers) == needed
