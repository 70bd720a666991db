"""The oldest release and one of the middle, in every run: each starts, runs a DAG through its worker, and ends.

With one small DAG in the words of all releases, since Airflow 1.10 runs no startup script and knows no TaskFlow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.environments import (
    RunningEnvironment,
    alive,
    start,
    stopped_at_the_end,
    tiny_files,
)
from tests.integration.test_environment import (
    logged_in,
    test_database_has_the_schema_that_the_release_names,
    test_no_secret_is_in_a_command_line,
    test_nothing_waits_longer_than_it_should,
    test_packages_are_exactly_those_of_the_release,
)

__all__ = [
    "test_database_has_the_schema_that_the_release_names",
    "test_no_secret_is_in_a_command_line",
    "test_nothing_waits_longer_than_it_should",
    "test_packages_are_exactly_those_of_the_release",
]

# A run of 2.0.2 ends unlike others: its Airflow gives it an id of its own.
OTHER_RELEASES = ("1.10.12", "2.7.2", pytest.param("2.0.2", marks=pytest.mark.full))
SMOKE_TIMEOUT_S = 300.0
TASKS = ["answer", "say"]

pytestmark = [
    pytest.mark.network,
    pytest.mark.parametrize("environment", OTHER_RELEASES, indirect=True),
]


@pytest.fixture(scope="module")
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningEnvironment]:
    with stopped_at_the_end(tmp_path_factory.mktemp("other")) as runner:
        runner.write(tiny_files(request.param))
        yield start(runner, request.param, "--run", "tiny")


def test_every_component_is_ready(environment: RunningEnvironment) -> None:
    status, release = environment.status(), environment.release
    assert status["healthy"], status
    wanted = {"postgres", "redis", "door", "metrics", "webserver", "scheduler", "worker.1"}
    wanted |= {"triggerer"} if release.triggerer_argv else set()
    wanted |= {"dag-processor"} if release.dag_processor_argv else set()
    assert {item["name"]: item["state"] for item in status["components"]} == dict.fromkeys(wanted, "ready")
    assert status["airflow_version"] == release.airflow_version
    assert (status["figures"]["dags"], status["figures"]["import_errors"]) == (1, 0)


def test_dag_succeeded_through_the_worker(environment: RunningEnvironment) -> None:
    rows = environment.query("SELECT task_id, state FROM task_instance WHERE dag_id = 'tiny' ORDER BY task_id")
    assert rows == [(task, "success") for task in TASKS]
    environment.wait_for_messages(len(TASKS))


def test_airflow_command_lists_the_dag(environment: RunningEnvironment) -> None:
    listed = environment.run("airflow", *environment.release.list_dags_argv)
    assert listed.exit_code == 0, listed.stderr
    assert "tiny" in listed.stdout
    assert f"mwaa-local airflow {' '.join(environment.release.list_dags_argv)}" in environment.started.stderr
    assert environment.run("airflow", "version").stdout.split()[-1].endswith(environment.release.airflow_version)


@pytest.mark.full
def test_web_page_takes_the_login_that_up_shows(environment: RunningEnvironment) -> None:
    if not environment.release.login:
        pytest.skip("this release asks for no login")
    with logged_in(environment) as client:
        assert "tiny" in client.get("/home").text


@pytest.mark.full
def test_smoke_runs_the_dag_in_it(environment: RunningEnvironment) -> None:
    outcome = environment.run("smoke", "--all", "--json", timeout_s=SMOKE_TIMEOUT_S)
    report = json.loads(outcome.stdout)
    assert (outcome.exit_code, report["outcome"]) == (0, "success"), outcome.stderr
    (run,) = report["runs"]
    assert (run["dag_id"], run["state"]) == ("tiny", "success")
    assert [(task["name"], task["state"]) for task in run["tasks"]] == [(task, "success") for task in TASKS]
    log_path = next(task["log_path"] for task in run["tasks"] if task["name"] == "say")
    assert "said" in (environment.root_dir / log_path).read_text()


@pytest.mark.full
@pytest.mark.parametrize("words", [("check",), ("check", "dags"), ("check", "requirements")], ids=" ".join)
def test_check_finds_nothing(environment: RunningEnvironment, words: tuple[str, ...]) -> None:
    outcome = environment.run(*words)
    assert outcome.exit_code == 0, outcome.stdout + outcome.stderr
    assert "error" not in outcome.stdout.replace("no errors", "").replace("0 errors", "")


@pytest.mark.full
def test_down_and_up_again_keeps_the_run_and_leaves_nothing(environment: RunningEnvironment) -> None:
    """The last of the module: it ends the environment."""
    before = environment.processes()
    assert environment.run("down").exit_code == 0
    assert alive(before) == []
    again = start(environment.runner, environment.release.airflow_version)
    assert again.query("SELECT count(*) FROM dag_run WHERE dag_id = 'tiny' AND state = 'success'")[0][0] >= 1
    before = again.processes()
    assert again.run("down").exit_code == 0
    assert alive(before) == []
