"""An upgrade of an environment of containers: carried out, failed, interrupted, killed; and what it leaves behind.

One environment of 2.10.1, on Python 3.11, for all tests, in their order; the target is 2.11.2, on Python 3.12.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.project import Project
from mwaa_local.runtime.compose.containers import compose_name
from mwaa_local.upgrade.carrying_out import journal
from tests.docker_environments import (
    DockerEnvironment,
    containers_of,
    docker,
    removed_at_the_end,
    start_containers,
    volumes_of,
)
from tests.integration.history import PASSWORD, SECRET, WORD, History, history_files, only_before
from tests.integration.kept_project import TIMEOUT_S, Kept
from tests.integration.killed_upgrade import IN_SNAPSHOT

pytestmark = [pytest.mark.docker, pytest.mark.network, pytest.mark.full]
BEFORE, AFTER = "2.10.1", "2.11.2"  # between which the schema changes
SUCCESS = ["UPDATING", "CREATING_SNAPSHOT", "UPDATING", "AVAILABLE"]
ROLLED_BACK = ["UPDATING", "CREATING_SNAPSHOT", "UPDATING", "ROLLING_BACK", "UPDATE_FAILED"]
WORDS = ("upgrade", "--to", AFTER, "--yes", "--no-rehearsal")
IN_START = "postgres ready"
TAKEN_BACK = 1  # runs of `history` in an upgrade that was rolled back
# A step whose beginning is on the disk, or a sign that comes in the middle of one: with a server of its own, with a
# program upon the copy beside it, with containers of the new release.
UNDONE = {
    "in the middle of the snapshot": IN_SNAPSHOT,
    "in the middle of the migration": "Running upgrade",
    "in the middle of the start": IN_START,
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEnvironment]:
    with removed_at_the_end(tmp_path_factory.mktemp("upgraded")) as runner:
        runner.write({**history_files(BEFORE), "dags/only_before.py": only_before(BEFORE)})
        yield start_containers(runner, BEFORE, "--run", "history")


@pytest.fixture(scope="module")
def kept(environment: DockerEnvironment) -> Kept:
    """The environment, stopped for all tests from here on."""
    assert environment.run("down").exit_code == 0
    return Kept(environment.runner, AFTER)


def databases_of(project: Project) -> list[str]:
    prefix = f"{compose_name(project)}-database-"
    return [name.removeprefix(prefix) for name in volumes_of(project) if name.startswith(prefix)]


def statuses(told: dict[str, Any]) -> list[str]:
    return [each["status"] for each in told["statuses"]]


def test_image_that_cannot_be_built_leaves_the_environment_running(environment: DockerEnvironment) -> None:
    lives, file = environment.lives(), (environment.root_dir / "mwaa.yaml").read_text()
    environment.runner.write({"mwaa.yaml": f"{file}Local: {{BaseImage: 'nowhere.invalid/python:3.12'}}\n"})
    try:
        outcome = environment.run(*WORDS, "--json")
    finally:
        environment.runner.write({"mwaa.yaml": file})
    assert outcome.exit_code == 3
    told = json.loads(outcome.stdout)
    assert (told["status"], told["statuses"]) == (None, [])
    assert "cannot pull the base image nowhere.invalid/python:3.12" in told["error"]["what"]
    assert "Nothing was changed." in outcome.stderr
    assert environment.lives() == lives
    assert environment.status()["healthy"]


def test_dag_that_fails_in_the_new_release_brings_the_old_one_back(environment: DockerEnvironment) -> None:
    url, file = environment.url(), (environment.root_dir / "mwaa.yaml").read_bytes()
    outcome = environment.run(*WORDS, "--run", "history", "--run", "only_before", "--json", timeout_s=TIMEOUT_S)
    assert outcome.exit_code == 1, outcome.stderr
    told = json.loads(outcome.stdout)
    assert statuses(told) == ROLLED_BACK
    assert "failed while running the named DAGs" in told["error"]["what"]
    assert "this code knows no other Airflow" in outcome.stderr, "the log of the task that failed"
    assert (environment.plan().airflow_version, environment.url()) == (BEFORE, url)
    assert (environment.root_dir / "mwaa.yaml").read_bytes() == file
    assert list(History(environment.runner).runs().values()) == ["success"], "none of the new release"
    assert databases_of(environment.project) == [BEFORE]
    assert "upgrade" not in environment.status()


def test_interrupted_one_is_rolled_back(environment: DockerEnvironment) -> None:
    with environment.runner.begin(*WORDS) as command:
        assert command.stderr is not None
        said = next(line for line in command.stderr if "Running upgrade" in line)
        command.send_signal(signal.SIGINT)
        rest = command.stderr.read()
    assert command.returncode == 130, said + rest
    assert "UPDATING → CREATING_SNAPSHOT → UPDATING → ROLLING_BACK → UPDATE_FAILED" in rest
    assert environment.plan().airflow_version == BEFORE
    environment.wait_until_healthy()
    assert list(History(environment.runner).runs().values()) == ["success"]
    assert databases_of(environment.project) == [BEFORE]


@pytest.mark.parametrize("when", UNDONE.values(), ids=UNDONE.keys())
def test_next_command_undoes_what_was_killed(kept: Kept, when: str, tmp_path: Path) -> None:
    file, rows = kept.project.environment_path.read_bytes(), kept.dump(BEFORE, tmp_path)
    kept.kill_upgrade(when)
    outcome = kept.runner.run("down")
    assert outcome.exit_code == 0, outcome.stderr
    assert f"undone, this is Airflow {BEFORE} again" in outcome.stderr
    assert "ROLLING_BACK → UPDATE_FAILED" in outcome.stderr
    assert not journal.journal_path(kept.project).exists()
    assert (
        docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={compose_name(kept.project)}")
        == ""
    )
    assert kept.project.environment_path.read_bytes() == file
    assert (kept.databases.versions(), databases_of(kept.project)) == ((BEFORE,), [BEFORE])
    assert kept.dump(BEFORE, tmp_path) == rows
    has_queue = f"{compose_name(kept.project)}-queue" in volumes_of(kept.project)
    assert has_queue == (when != IN_START), "once the new release may have written into it"


def test_what_was_healthy_is_finished_by_the_next_up(kept: Kept, environment: DockerEnvironment) -> None:
    kept.kill_upgrade(journal.RUNNING)
    outcome = environment.run("up", timeout_s=TIMEOUT_S)
    assert outcome.exit_code == 0, outcome.stderr
    assert f"was cut off while {journal.RUNNING}: finished" in outcome.stderr
    assert "history succeeded" in outcome.stderr, "the DAG that was named"
    assert environment.execute("worker.1", "python", "--version").startswith("Python 3.12")
    assert f'AirflowVersion: "{AFTER}"  # moved by the test' in kept.project.environment_path.read_text()
    expect_history(environment, runs=2)
    assert databases_of(kept.project) == [BEFORE, AFTER]


def test_way_back_takes_along_what_has_happened_since(kept: Kept, environment: DockerEnvironment) -> None:
    words = ("upgrade", "--to", BEFORE, "--yes", "--no-rehearsal", "--run", "history", "--run", "only_before", "--json")
    outcome = environment.run(*words, timeout_s=TIMEOUT_S)
    assert outcome.exit_code == 0, outcome.stderr
    told = json.loads(outcome.stdout)
    assert (told["from"], told["to"], statuses(told)) == (AFTER, BEFORE, SUCCESS)
    assert told["replaced_snapshot"] is not None, "that database was there, with the first run alone"
    expect_history(environment, runs=3)


def test_nothing_stays_that_cannot_be_removed(kept: Kept, environment: DockerEnvironment) -> None:
    project, lives = kept.project, environment.lives()
    assert databases_of(project) == [BEFORE, AFTER]
    assert len([name for name in volumes_of(project) if "-packages-" in name]) == 1
    assert users_of_images(environment, BEFORE) == {str(project.root_dir)}
    assert users_of_images(environment, AFTER) == set(), "so that `cache prune` removes it"
    outcome = environment.run("reset-db", "--airflow-version", AFTER, "--yes")
    assert outcome.exit_code == 0, outcome.stderr
    assert (databases_of(project), environment.lives()) == ([BEFORE], lives)
    assert environment.run("down", "--volumes").exit_code == 0
    assert (containers_of(project), volumes_of(project)) == ([], [])


def expect_history(environment: DockerEnvironment, runs: int) -> None:
    """Have the first run, which 2.10.1 made, readable with its tasks and logs, and what is encrypted."""
    history = History(environment.runner)
    found = history.runs()
    assert list(found.values()) == ["success"] * runs
    for run_id in found:
        assert history.tasks(run_id) == {"push": "success", "pull": "success"}
    assert history.secrets() == (PASSWORD, SECRET)
    said = environment.run("logs", "--group", "Task").stdout
    assert said.count(f"the word is {WORD}") == runs + TAKEN_BACK, "logs stay, as in CloudWatch"


def users_of_images(environment: DockerEnvironment, version: str) -> set[str]:
    """Return the projects of this test that keep an image of the release."""
    listed = json.loads(environment.run("cache", "list", "--json").stdout)["items"]
    found = [item for item in listed if (item["kind"], item["airflow_version"]) == ("image", version)]
    assert found, f"no image of {version}"
    return {user for item in found for user in item["used_by"]}.intersection({str(environment.project.root_dir)})
