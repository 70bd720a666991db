"""What `mwaa-local metrics` shows, as lines and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.metrics.now import ComponentNow, Now, Watch, size
from mwaa_local.project import Project
from mwaa_local.runtime.process.runtime import ProcessRuntime
from tests.contract.house import House
from tests.fakes import Steady

NOW = Now(
    airflow_version="3.3.1",
    time=1_796_040_000.0,
    running=2,
    queued=1,
    oldest_queued_s=12.4,
    slots=5,
    components=(
        ComponentNow("scheduler", "ready", 12.34, 90 << 20, 1.6),
        ComponentNow("worker.1", "ready", 150.0, 3 << 29, None),
        ComponentNow("worker.2", "starting", None, None, None),
    ),
)


def test_table_has_a_line_for_each_component_and_their_sum() -> None:
    assert NOW.rows() == [
        ("scheduler", "ready", "12.3 %", "90 MiB", "2 s"),
        ("worker.1", "ready", "150.0 %", "1.5 GiB", "-"),
        ("worker.2", "starting", "-", "-", "-"),
        ("all", "", "162.3 %", "1.6 GiB", ""),
    ]


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({}, "tasks: 2 running in 5 slots, 1 queued, the oldest for 12 s"),
        ({"queued": 0, "oldest_queued_s": 0.0}, "tasks: 2 running in 5 slots, 0 queued"),
        ({"slots": None}, "tasks: 2 running, 1 queued, the oldest for 12 s"),
        (
            {"running": None, "queued": None, "oldest_queued_s": None},
            "tasks: the metadata database does not answer",
        ),
    ],
)
def test_headline_says_what_there_is_to_do(changed: dict[str, Any], line: str) -> None:
    assert replace(NOW, **changed).headline == line


def test_json_has_numbers_as_they_are() -> None:
    plain = json.loads(json.dumps(NOW.plain()))
    assert plain["components"][1] == {
        "name": "worker.1",
        "state": "ready",
        "cpu_percent": 150.0,
        "memory_bytes": 3 << 29,
        "heartbeat_age_s": None,
    }
    assert (plain["running"], plain["slots"]) == (2, 5)


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "-"), (0, "0 KiB"), (2048, "2 KiB"), (5 << 20, "5 MiB"), (1 << 30, "1.0 GiB")],
)
def test_bytes_are_said_in_the_unit_that_fits(count: int | None, text: str) -> None:
    assert size(count) == text


@pytest.fixture
def house(tmp_path: Path, clean_env: dict[str, str]) -> Iterator[House]:
    project = Project(tmp_path / "project")
    project.dags_dir.mkdir(parents=True)
    house = House(project, ProcessRuntime(project, clean_env), clean_env["PATH"])
    yield house
    assert not house.end()


def test_slots_are_those_of_the_workers_that_run_now(house: House) -> None:
    house.up(Steady("worker.1", env={"AIRFLOW__CELERY__WORKER_AUTOSCALE": "5,5"}))
    plan = house.runtime.running_plan()
    assert plan is not None
    watch = Watch(house.runtime, plan)
    assert watch.now(lambda _: None).slots == 5
    house.runtime.resize(house.runtime.grow("worker", 3))
    now = watch.now()
    assert (now.slots, len(now.components)) == (20, 4)
    house.runtime.stop()
    assert watch.now().slots == 20  # what is known last, until who looks sees that nothing runs
    watch.close()
