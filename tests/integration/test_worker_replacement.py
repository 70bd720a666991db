"""Workers of a real environment are replaced by an update: at once, or when their tasks are done, as boto3 asks for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mwaa_local.event import LEAVING
from tests.environments import (
    LATEST,
    RunningEnvironment,
    plain_files,
    start,
    stopped_at_the_end,
    wait_until,
)
from tests.integration.mwaa_service import client_of

pytestmark = [pytest.mark.full, pytest.mark.network]

NAME = "replaced"
TIMEOUT_S = 600.0
HOLD = """
import os
import time
from pathlib import Path
from airflow.sdk import dag, task

FOLDER = Path({folder!r})

@dag(schedule=None)
def hold():
    @task
    def wait(name):
        (FOLDER / (name + "-began")).open("a").write("once ")
        while not (FOLDER / "go").exists():
            time.sleep(0.2)
        (FOLDER / (name + "-ended")).write_text(os.environ.get("AIRFLOW__TESTS__GREETING", "none"))

    wait("{{{{ run_id }}}}")

hold()
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningEnvironment]:
    with stopped_at_the_end(tmp_path) as runner:
        files = plain_files(LATEST, Name=NAME, AirflowConfigurationOptions={"tests.greeting": "before"})
        runner.write({**files, "dags/hold.py": HOLD.format(folder=str(tmp_path))})
        environment = start(runner)
        environment.run("airflow", "dags", "unpause", "hold")
        yield environment
        runner.run("api", "--stop")


def update(mwaa: Any, **changes: Any) -> None:
    mwaa.update_environment(Name=NAME, AirflowConfigurationOptions={"tests.greeting": "after"}, **changes)


def status_of(mwaa: Any) -> str:
    return str(mwaa.get_environment(Name=NAME)["Environment"]["Status"])


def began(folder: Path, run_id: str) -> bool:
    return (folder / f"{run_id}-began").exists()


def test_graceful_update_lets_tasks_end_with_what_they_began_with(running: RunningEnvironment, tmp_path: Path) -> None:
    mwaa = client_of(running)
    wait_until(lambda: status_of(mwaa) == "AVAILABLE", TIMEOUT_S, "an available environment")
    running.trigger("hold", "old")
    wait_until(lambda: began(tmp_path, "old"), TIMEOUT_S, "the task of the old worker")
    update(mwaa, WorkerReplacementStrategy="GRACEFUL")
    states = {}

    def others_are_there() -> bool:
        nonlocal states
        states = {item.name: item.state for item in running.runtime.status() if item.name.startswith("worker.")}
        return states == {"worker.1": LEAVING, "worker.2": "ready"}

    wait_until(others_are_there, TIMEOUT_S, "another worker beside the old one")
    running.trigger("hold", "new")
    wait_until(lambda: began(tmp_path, "new"), TIMEOUT_S, "a task of the new worker")
    assert status_of(mwaa) == "UPDATING"
    (tmp_path / "go").touch()
    assert running.wait_for_run("hold", "old") == "success"
    assert running.wait_for_run("hold", "new") == "success"
    assert [(tmp_path / f"{run_id}-ended").read_text() for run_id in ("old", "new")] == ["before", "after"]
    assert [(tmp_path / f"{run_id}-began").read_text() for run_id in ("old", "new")] == ["once ", "once "]
    wait_until(lambda: status_of(mwaa) == "AVAILABLE", TIMEOUT_S, "the end of the update")
    after = mwaa.get_environment(Name=NAME)["Environment"]["LastUpdate"]
    assert (after["Status"], after["WorkerReplacementStrategy"]) == ("SUCCESS", "GRACEFUL")
    names = [item.name for item in running.runtime.status() if item.name.startswith("worker.")]
    assert names == ["worker.2"]
    assert running.plan().leaving == {}


def test_forced_update_ends_tasks_after_the_patience_of_a_stop(running: RunningEnvironment, tmp_path: Path) -> None:
    mwaa = client_of(running)
    wait_until(lambda: status_of(mwaa) == "AVAILABLE", TIMEOUT_S, "an available environment")
    running.trigger("hold", "old")
    wait_until(lambda: began(tmp_path, "old"), TIMEOUT_S, "the task of the old worker")
    update(mwaa, WorkerReplacementStrategy="FORCED")
    wait_until(lambda: status_of(mwaa) == "UPDATING", TIMEOUT_S, "the update")
    wait_until(lambda: status_of(mwaa) == "AVAILABLE", TIMEOUT_S, "the end of the update")
    assert not (tmp_path / "old-ended").exists()
    assert [item.name for item in running.runtime.status() if item.name.startswith("worker.")] == ["worker.1"]


def test_strategy_that_mwaa_does_not_know_is_refused(running: RunningEnvironment) -> None:
    mwaa = client_of(running)
    wait_until(lambda: status_of(mwaa) == "AVAILABLE", TIMEOUT_S, "an available environment")
    with pytest.raises(ClientError, match="WorkerReplacementStrategy"):
        update(mwaa, WorkerReplacementStrategy="GENTLE")
