"""What the states of components mean together."""

from __future__ import annotations

import pytest

from mwaa_local.event import FAILED, FINISHED, LEAVING, READY, RESTARTING, STARTING, WAITING, ComponentStatus, amiss


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"scheduler": READY, "worker.1": READY}, []),
        ({"scheduler": READY, "migrate-db": FINISHED}, []),
        ({"scheduler": STARTING, "worker.1": READY}, ["scheduler"]),
        ({"worker.1": STARTING}, ["worker.1"]),
        ({"worker.1": READY, "worker.2": STARTING, "worker.3": WAITING}, []),
        ({"worker.1": READY, "worker.2": FAILED, "worker.3": RESTARTING}, ["worker.2", "worker.3"]),
        ({"worker.2": READY, "worker.1": LEAVING}, []),
        ({"worker.1": LEAVING, "worker.2": STARTING}, ["worker.2"]),
    ],
)
def test_worker_that_comes_or_leaves_makes_nothing_unhealthy(states: dict[str, str], expected: list[str]) -> None:
    statuses = [ComponentStatus(name, state) for name, state in states.items()]
    assert [item.name for item in amiss(statuses)] == expected


def test_worker_that_was_started_again_is_amiss_until_it_is_ready() -> None:
    statuses = [ComponentStatus("worker.1", READY), ComponentStatus("worker.2", STARTING, restarts=1)]
    assert [item.name for item in amiss(statuses)] == ["worker.2"]
