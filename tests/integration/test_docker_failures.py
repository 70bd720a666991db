"""What breaks while containers run, and comes back: the same as with processes, in tests/integration."""

from __future__ import annotations

import pytest

from tests.docker_environments import DockerEnvironment
from tests.environments import LATEST, wait_until

pytestmark = [pytest.mark.docker, pytest.mark.full, pytest.mark.network]

RESTART_TIMEOUT_S = 90.0
MARKED_RUN = "run_that_must_survive"
INTERRUPTED_RUN = "run_whose_worker_dies"
# The environment's `scheduler.task_instance_heartbeat_timeout` of 30 s, twice the pause between two looks for silent
# tasks (10 s), and time on a busy machine.
NOTICED_TIMEOUT_S = 90.0


@pytest.fixture(scope="module")
def running(docker_environment: DockerEnvironment) -> DockerEnvironment:
    """The shared environment, with a run that has ended: a task that loses its database waits minutes for its retry."""
    docker_environment.trigger("hello_mwaa", MARKED_RUN)
    assert docker_environment.wait_for_run("hello_mwaa", MARKED_RUN) == "success"
    return docker_environment


def restarts(running: DockerEnvironment, name: str) -> int:
    return next(item.restarts for item in running.runtime.status() if item.name == name)


def kill_and_wait(running: DockerEnvironment, name: str) -> None:
    """Kill a component; return when it has been started again by itself and the environment is healthy."""
    before, lives = restarts(running, name), running.lives()
    running.kill(name)
    wait_until(lambda: restarts(running, name) > before, RESTART_TIMEOUT_S, f"the restart of {name}")
    running.wait_until_healthy(RESTART_TIMEOUT_S)
    assert restarts(running, name) == before + 1
    container_id, started = running.lives()[name]
    assert container_id == lives[name][0]
    assert started > lives[name][1]


@pytest.mark.parametrize("name", ["postgres", "scheduler"])
def test_killed_component_comes_back_and_nothing_is_lost(running: DockerEnvironment, name: str) -> None:
    kill_and_wait(running, name)
    assert running.run_state("hello_mwaa", MARKED_RUN) == "success"


def test_task_of_a_killed_worker_is_noticed_and_not_run_twice(running: DockerEnvironment) -> None:
    """As on MWAA: its message is not delivered again, but the scheduler misses its heartbeats and lets it retry."""
    running.trigger("long_task", INTERRUPTED_RUN)
    wait_until(lambda: len(starts(running)) == 1, RESTART_TIMEOUT_S, "the start of the task")
    kill_and_wait(running, "worker.1")
    wait_until(lambda: task_state(running) == ("up_for_retry", 1), NOTICED_TIMEOUT_S, "a task that waits for its retry")
    assert len(starts(running)) == 1
    assert running.status()["figures"]["queued_messages"] == 0


def starts(running: DockerEnvironment) -> list[str]:
    return running.read("long_task_starts.txt").splitlines()


def task_state(running: DockerEnvironment) -> tuple[str, int]:
    [(state, tries)] = running.query(
        "SELECT state, try_number FROM task_instance WHERE dag_id = 'long_task' AND run_id = %s", INTERRUPTED_RUN
    )
    return state, tries


def test_dag_still_runs_after_all_that(running: DockerEnvironment) -> None:
    running.trigger("hello_mwaa", "after_all_that")
    assert running.wait_for_run("hello_mwaa", "after_all_that") == "success"
    assert running.status()["airflow_version"] == LATEST
