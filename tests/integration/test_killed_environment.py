"""An environment whose components were killed starts again, or goes on: nothing that they left keeps it from that."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.conftest import ProjectRunner
from tests.environments import LATEST, TEST_DAGS_DIR, RunningEnvironment, plain_files, start, wait_until

pytestmark = [pytest.mark.full, pytest.mark.network]


@pytest.mark.parametrize("version", ["2.10.3", "2.2.2"])
def test_environment_starts_again_after_its_components_were_killed(
    project: Callable[..., ProjectRunner], version: str
) -> None:
    runner = project({"mwaa.yaml": f'AirflowVersion: "{version}"\n', "dags/none.py": ""})
    for _ in range(2):
        outcome = runner.run("up", "--port", "0")
        assert outcome.exit_code == 0, outcome.stderr
        assert list((runner.root_dir / ".mwaa-local" / "airflow").glob("airflow-*.pid"))  # Airflow writes some
        assert runner.run("down", "--now").exit_code == 0


# Celery has a setting for it since 5.4; that of 2.8.1 needs a consumer of its own, that of 2.2.2 nothing.
@pytest.mark.parametrize("version", [LATEST, "2.8.1", "2.2.2"])
def test_worker_has_all_its_slots_after_the_broker_was_killed(
    project: Callable[..., ProjectRunner], version: str
) -> None:
    runner = project({**plain_files(version), "dags/all_slots.py": (TEST_DAGS_DIR / "all_slots.py").read_text()})
    environment = start(runner, version)
    pids = environment.pids()
    broker = pids["redis"]
    assert broker is not None
    os.kill(broker, signal.SIGKILL)
    wait_until(lambda: environment.pids()["redis"] not in (None, broker), 60, "another broker")
    wait_until(lambda: lost_the_broker(environment), 60, "the worker notices")
    environment.trigger("all_slots", "after_the_broker")
    assert environment.wait_for_run("all_slots", "after_the_broker") == "success"
    assert environment.pids()["worker.1"] == pids["worker.1"]


def lost_the_broker(environment: RunningEnvironment) -> bool:
    return "Connection to broker lost" in environment.run("logs", "worker").stdout
