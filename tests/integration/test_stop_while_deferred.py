"""An environment that is stopped while a task waits in the triggerer: its next start takes the waiting over.

Not the shared one, which a share of the full tier would start for this test alone; and that takes longer.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from tests.docker import skip_without_docker
from tests.docker_environments import removed_at_the_end, start_containers
from tests.environments import TEST_DAGS_DIR, RunningEnvironment, plain_files, start, stopped_at_the_end, wait_until
from tests.integration.test_environment import raw_answer

pytestmark = [pytest.mark.full, pytest.mark.network]

DEFERRED_TIMEOUT_S = 60.0
TAKEN_OVER_TIMEOUT_S = 60.0
DAG_ID, RUN_ID = "waits_for_file", "stopped_meanwhile"


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEnvironment]:
    folder = tmp_path_factory.mktemp("deferred")
    files = {**plain_files(), f"dags/{DAG_ID}.py": (TEST_DAGS_DIR / f"{DAG_ID}.py").read_text()}
    if request.param == "docker":
        skip_without_docker()
        with removed_at_the_end(folder) as runner:
            runner.write(files)
            yield start_containers(runner)
        return
    with stopped_at_the_end(folder) as runner:
        runner.write(files)
        yield start(runner)


def let_it_prepare_for_tasks(running: RunningEnvironment) -> None:
    """Have Airflow 3 answer a first request for tasks, which on a busy machine takes longer than a task waits."""
    assert raw_answer(running, "/execution/health").status_code == http.client.OK


def triggerer_job(running: RunningEnvironment) -> int | None:
    """Return the job of the triggerer that the waiting task's trigger belongs to."""
    rows = running.query(
        "SELECT t.triggerer_id FROM trigger t JOIN task_instance i ON i.trigger_id = t.id WHERE i.dag_id = %s", DAG_ID
    )
    return rows[0][0] if rows else None


def job_state(running: RunningEnvironment, job: int) -> tuple[str, bool]:
    """Return the state of a job, and whether its end was noted."""
    return running.query("SELECT state, end_date IS NOT NULL FROM job WHERE id = %s", job)[0]


def test_task_that_waits_in_the_triggerer_outlives_a_stop(running: RunningEnvironment) -> None:
    let_it_prepare_for_tasks(running)
    running.trigger(DAG_ID, RUN_ID)
    first = wait_until(lambda: triggerer_job(running), DEFERRED_TIMEOUT_S, "the task waits in the triggerer")
    assert job_state(running, first) == ("running", False)

    assert running.run("down").exit_code == 0
    said = [line for line in running.run("logs", "triggerer").stdout.splitlines() if "trigger" in line]
    assert any("Exited trigger loop" in line for line in said), said
    assert not [line for line in said if "has died" in line or "Forcing exit" in line]

    assert running.run("up").exit_code == 0
    let_it_prepare_for_tasks(running)
    # It ended in order, so that nobody has to wait until it counts as dead.
    assert job_state(running, first) == ("success", True)

    def next_job() -> int | None:
        found = triggerer_job(running)
        return found if found != first else None

    second = wait_until(next_job, TAKEN_OVER_TIMEOUT_S, "the next triggerer takes the task's trigger")
    assert job_state(running, second) == ("running", False)
    (running.airflow_home_dir / "logs" / "go").touch()
    assert running.wait_for_run(DAG_ID, RUN_ID) == "success"
    tries = running.query("SELECT state, try_number FROM task_instance WHERE dag_id = %s", DAG_ID)
    assert tries == [("success", 1)]
