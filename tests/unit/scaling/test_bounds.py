"""How many workers a machine runs at least and at most, and what is said of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.environment.environment import Environment
from mwaa_local.environment.local import LocalSettings
from mwaa_local.plan import Component, LogReady, Plan
from mwaa_local.remarks import NOTE, WARNING
from mwaa_local.scaling.bounds import (
    SLOT_BYTES,
    WORKER_BYTES,
    Bounds,
    WorkersOfStart,
    bounds_of,
    bounds_remarks,
    scheduler_remarks,
    workers_that_fit,
)

GIB = 1 << 30
LARGE_BYTES, SMALL_BYTES = 256 * GIB, 4 * GIB


def environment(local: LocalSettings | None = None, **members: object) -> Environment:
    return Environment.model_validate({**members, "local": local or LocalSettings()})


@pytest.mark.parametrize(
    ("members", "local", "expected"),
    [
        ({}, LocalSettings(), Bounds(1, 10)),
        ({"min_workers": 2, "max_workers": 7}, LocalSettings(), Bounds(2, 7)),
        ({"min_workers": 2, "max_workers": 7}, LocalSettings(max_workers=5), Bounds(2, 5)),
        ({"min_workers": 4, "max_workers": 7}, LocalSettings(max_workers=3), Bounds(3, 3)),
        ({"max_workers": 7}, LocalSettings(max_workers=9), Bounds(1, 7)),
        ({"min_workers": 2, "max_workers": 7}, LocalSettings(workers=9, max_workers=3), Bounds(9, 9)),
        ({"environment_class": "mw1.micro"}, LocalSettings(), Bounds(1, 1)),
    ],
)
def test_bounds_are_mwaas_below_the_cap_of_this_machine_and_a_fixed_number_stays(
    members: dict[str, object], local: LocalSettings, expected: Bounds
) -> None:
    assert bounds_of(environment(local, **members), LARGE_BYTES) == expected


def test_memory_caps_the_number_unless_a_cap_is_named_and_nobody_asks_a_machine_that_does_not_say() -> None:
    fitting = workers_that_fit(SMALL_BYTES, slots=5)
    assert bounds_of(environment(), SMALL_BYTES) == Bounds(1, fitting)
    assert fitting < 10
    assert bounds_of(environment(LocalSettings(max_workers=10)), SMALL_BYTES) == Bounds(1, 10)
    assert bounds_of(environment(), None) == Bounds(1, 10)


def test_memory_is_divided_by_the_tasks_that_a_worker_really_runs_at_a_time() -> None:
    wide = {"celery.worker_autoscale": "20,20"}
    fitting = workers_that_fit(SMALL_BYTES * 4, slots=20)
    assert bounds_of(environment(airflow_configuration_options=wide), SMALL_BYTES * 4) == Bounds(1, fitting)
    assert fitting < workers_that_fit(SMALL_BYTES * 4, slots=5)


@given(st.integers(0, LARGE_BYTES), st.integers(1, 80))
def test_workers_that_fit_take_half_of_the_memory_and_one_is_always_there(memory_bytes: int, slots: int) -> None:
    count = workers_that_fit(memory_bytes, slots)
    assert count >= 1
    assert count == 1 or count * (WORKER_BYTES + slots * SLOT_BYTES) <= memory_bytes / 2


def test_cap_by_memory_is_said_and_is_a_warning_where_it_cuts_what_somebody_wants() -> None:
    (remark,) = bounds_remarks(environment(), SMALL_BYTES)
    assert remark.severity == NOTE
    assert remark.what == f"up to {workers_that_fit(SMALL_BYTES, 5)} workers here, on MWAA up to 10"
    assert "MaxWorkers under Local" in remark.hint
    (remark,) = bounds_remarks(environment(max_workers=8), SMALL_BYTES)
    assert remark.severity == WARNING
    (remark,) = bounds_remarks(environment(LocalSettings(max_workers=1), max_workers=8), SMALL_BYTES)
    assert (remark.severity, remark.what) == (NOTE, "up to 1 worker here, on MWAA up to 8")
    assert not list(bounds_remarks(environment(), LARGE_BYTES))


def test_cap_beside_a_fixed_number_has_no_effect_and_that_is_said() -> None:
    (remark,) = bounds_remarks(environment(LocalSettings(workers=2, max_workers=4)), LARGE_BYTES)
    assert remark.severity == WARNING
    assert "no effect" in remark.what
    assert not list(bounds_remarks(environment(LocalSettings(workers=2)), SMALL_BYTES))


def test_airflow_1_has_one_scheduler_whatever_is_asked_for() -> None:
    old = environment(LocalSettings(schedulers=2), airflow_version="1.10.12")
    assert old.schedulers_here == 1
    (remark,) = scheduler_remarks(old)
    assert remark.what == "one scheduler runs, not 2: Airflow 1.10.12 has no more"
    assert not list(scheduler_remarks(environment(LocalSettings(schedulers=2))))


def plan_with(*workers: str, **leaving: float) -> Plan:
    components = tuple(Component(name, (), {}, LogReady("ready")) for name in ("scheduler", *workers))
    left = {name.replace("_", "."): since for name, since in leaving.items()}
    return Plan(components, "3.3.1", {}, "", "", "", "", leaving=left)


@pytest.mark.parametrize(
    ("limits", "running", "expected"),
    [
        (Bounds(2, 10), None, ("worker.1", "worker.2")),
        (Bounds(1, 10), plan_with("worker.1", "worker.2", "worker.5"), ("worker.1", "worker.2", "worker.5")),
        (Bounds(1, 2), plan_with("worker.1", "worker.2", "worker.3"), ("worker.1", "worker.2", "worker.3")),
        (Bounds(3, 10), plan_with("worker.2", "worker.4"), ("worker.2", "worker.4", "worker.5")),
        (Bounds(3, 10), plan_with("worker.2", worker_6=1.0), ("worker.2", "worker.7", "worker.8")),
        (Bounds(2, 2), plan_with("worker.1", "worker.2", "worker.5"), ("worker.1", "worker.2")),
        (Bounds(1, 1), plan_with("worker"), ("worker.1",)),  # of an older version
    ],
)
def test_start_keeps_the_workers_that_came_with_the_load_unless_their_number_is_fixed(
    limits: Bounds, running: Plan | None, expected: tuple[str, ...]
) -> None:
    assert WorkersOfStart.of(limits, running).names == expected


def test_graceful_start_replaces_all_workers_by_as_many() -> None:
    running = plan_with("worker.1", "worker.3", worker_4=1.0)
    found = WorkersOfStart.of(Bounds(1, 10), running, graceful_at=5.0)
    assert found.names == ("worker.5", "worker.6")
    assert found.leaving == {"worker.4": 1.0, "worker.1": 5.0, "worker.3": 5.0}
    assert WorkersOfStart.of(Bounds(2, 2), None, graceful_at=5.0) == WorkersOfStart(("worker.1", "worker.2"), {})
