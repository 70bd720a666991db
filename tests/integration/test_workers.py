"""Workers as processes keep their slots and their lives, whatever comes and goes around them; in old releases too.

Not in the shared environment: whether all slots are free is asked here, and its worker has other tasks.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.environments import (
    LATEST,
    TEST_DAGS_DIR,
    RunningEnvironment,
    plain_files,
    start,
    stopped_at_the_end,
    wait_until,
)

pytestmark = [pytest.mark.full, pytest.mark.network]

# The ways of mwaa_local/configuration/celery_defaults.py: a setting, the same for a worker that asks for namesakes, a
# consumer of our own, nothing. And 2.2.2 hands Celery a pid file, which no two workers may share.
VERSIONS = (LATEST, "3.2.1", "2.8.1", "2.2.2")
RECONNECTION_TIMEOUT_S = 60.0


def files(version: str, workers: int) -> dict[str, str]:
    all_slots = (TEST_DAGS_DIR / "all_slots.py").read_text()
    return {**plain_files(version, Local={"Workers": workers}), "dags/all_slots.py": all_slots}


@pytest.fixture(scope="module", params=VERSIONS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEnvironment]:
    with stopped_at_the_end(tmp_path_factory.mktemp("workers")) as runner:
        runner.write(files(request.param, workers=1))
        yield start(runner, request.param)


def test_worker_has_all_its_slots_after_the_broker_was_killed(running: RunningEnvironment) -> None:
    before = running.pids()
    broker = before["redis"]
    assert broker is not None
    os.kill(broker, signal.SIGKILL)
    wait_until(lambda: running.pids()["redis"] not in (None, broker), RECONNECTION_TIMEOUT_S, "another broker")
    wait_until(lambda: lost_the_broker(running), RECONNECTION_TIMEOUT_S, "the worker notices")
    running.trigger("all_slots", "after_the_broker")
    assert running.wait_for_run("all_slots", "after_the_broker") == "success"
    assert running.pids()["worker.1"] == before["worker.1"]


def lost_the_broker(running: RunningEnvironment) -> bool:
    return "Connection to broker lost" in running.run("logs", "worker").stdout


def test_second_worker_comes_and_goes_beside_the_first(running: RunningEnvironment) -> None:
    before = running.pids()
    running.runner.write(files(running.release.airflow_version, workers=2))
    outcome = running.run("up")
    assert outcome.exit_code == 0, outcome.stderr
    after = running.pids()
    assert after.pop("worker.2") is not None
    assert after == before
    assert running.status()["healthy"]
    running.runner.write(files(running.release.airflow_version, workers=1))
    assert running.run("up").exit_code == 0
    assert running.pids() == before
