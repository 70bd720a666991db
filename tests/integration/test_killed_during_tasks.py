"""Observer, API, local AWS and a worker are killed while 200 tasks run: all succeed, each line reaches its group."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from mwaa_local.api.address import ApiFolder
from mwaa_local.observer.place import ObserverFolder
from tests.environments import LATEST, RunningEnvironment, plain_files, start, stopped_at_the_end, wait_until
from tests.integration.aws_server import client

pytestmark = [pytest.mark.full, pytest.mark.network]

COUNT = 200
END_S = 600.0  # of all tasks, those of the killed worker included
SHIPPED_S = 60.0
BACK_S = 60.0
# Each counts itself when it is through, since a task of a killed worker begins twice.
DAG = f"""
import time
from pathlib import Path
from airflow.sdk import dag, task

@dag(max_active_tasks={COUNT}, is_paused_upon_creation=False)
def many():
    @task(retries=3, retry_delay=1)
    def one(number):
        print(f"begun-{{number}}-of-many")
        time.sleep(0.5)
        with (Path(__file__).parent / "ended.txt").open("a") as file:
            file.write(f"{{number}}\\n")
        print(f"ended-{{number}}-of-many")

    one.expand(number=list(range({COUNT})))

many()
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEnvironment]:
    options = {
        "scheduler.task_instance_heartbeat_timeout": "20",
        "scheduler.task_instance_heartbeat_timeout_detection_interval": "5",
    }
    with stopped_at_the_end(tmp_path_factory.mktemp("killed")) as runner:
        local = {"Aws": "local", "Workers": 2, "Intervals": "fast"}
        files = plain_files(LATEST, Name="killed", Local=local, AirflowConfigurationOptions=options)
        runner.write({**files, "dags/many.py": DAG})
        yield start(runner, LATEST)


def logs_of(running: RunningEnvironment) -> Any:
    return client("logs", f"http://localhost:{running.plan().ports['aws']}")


def kill_observer(running: RunningEnvironment) -> None:
    folder = ObserverFolder.of(running.project)
    before = folder.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: folder.pid not in (None, before), BACK_S, "another observer")


def kill_aws(running: RunningEnvironment) -> None:
    before = running.pids()["aws"]
    assert before is not None
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: running.pids()["aws"] not in (None, before), BACK_S, "another local AWS")


def kill_api_and_observer(running: RunningEnvironment) -> None:
    """Kill both, so that nobody is left who would start the other again, and have the next `up` do so."""
    address, observer = ApiFolder.of(running.project.state_dir).address, ObserverFolder.of(running.project)
    pid = observer.pid
    assert address is not None
    assert pid is not None
    for each in (address.pid, pid):
        os.kill(each, signal.SIGKILL)
    assert running.run("up").exit_code == 0
    wait_until(lambda: observer.pid not in (None, pid), BACK_S, "another observer")


def kill_worker(running: RunningEnvironment) -> None:
    pid = running.pids()["worker.2"]
    assert pid is not None
    worker = psutil.Process(pid)
    for process in (worker, *worker.children(recursive=True)):
        process.kill()


def events(logs: Any) -> list[str]:
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName="airflow-killed-Task", filterPattern='"of-many"'
    )
    return [event["message"] for page in pages for event in page["events"]]


def test_every_task_once_and_every_line_there(running: RunningEnvironment) -> None:
    running.trigger("many", "killed")
    ended = running.project.dags_dir / "ended.txt"
    for share, kill in enumerate((kill_observer, kill_aws, kill_worker, kill_api_and_observer), 1):
        wait_until(partial(has_lines, ended, share * COUNT // 6), END_S, "some tasks")
        kill(running)
    assert running.wait_for_run("many", "killed", timeout_s=END_S) == "success"
    numbers = [int(word) for word in ended.read_text().split()]
    # A task that was killed between its count and its end counts twice; there were at most five on that worker.
    assert sorted(set(numbers)) == list(range(COUNT))
    assert len(numbers) - COUNT <= 5
    wait_until(lambda: len(lines_in(running, "ended")) == COUNT, SHIPPED_S, "the lines of all tasks")
    assert lines_in(running, "begun") == set(range(COUNT))


def has_lines(path: Path, count: int) -> bool:
    return path.exists() and len(path.read_text().splitlines()) > count


def lines_in(running: RunningEnvironment, word: str) -> set[int]:
    try:
        found = events(logs_of(running))
    except Exception:  # noqa: BLE001 - the local AWS has just been killed
        return set()
    texts = [text.partition(f"{word}-")[2] for text in found if f"{word}-" in text]
    return {int(text.partition("-")[0]) for text in texts}
