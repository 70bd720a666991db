"""An upgrade of an environment of containers: carried out, failed, interrupted, killed; and what it leaves behind.

One environment of 2.10.3, on Python 3.11, for all tests, which leave it as it was; the last has 2.11.2, on Python 3.12.
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

pytestmark = [pytest.mark.docker, pytest.mark.network, pytest.mark.full]
BEFORE, AFTER = "2.10.3", "2.11.2"
SUCCESS = ["UPDATING", "CREATING_SNAPSHOT", "UPDATING", "AVAILABLE"]
ROLLED_BACK = ["UPDATING", "CREATING_SNAPSHOT", "UPDATING", "ROLLING_BACK", "UPDATE_FAILED"]
WORDS = ("upgrade", "--to", AFTER, "--yes", "--no-rehearsal")
# A step whose beginning is on the disk, or a sign that comes in the middle of one: with a server of its own, with a
# program upon the copy beside it, with containers of the new release.
UNDONE = {
    "snapshot": journal.SNAPSHOT,
    "in the middle of the migration": "Running upgrade",
    "in the middle of the start": "postgres ready",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEnvironment]:
    with removed_at_the_end(tmp_path_factory.mktemp("upgraded")) as runner:
        runner.write({**history_files(BEFORE), "dags/only_before.py": only_before(BEFORE)})
        yield start_containers(runner, BEFORE, "--run", "history")


@pytest.fixture
def kept(environment: DockerEnvironment) -> Iterator[Kept]:
    """The environment, stopped meanwhile."""
    assert environment.run("down").exit_code == 0
    yield Kept(environment.runner, AFTER)
    assert environment.run("up", "--port", "0").exit_code == 0


def queue_of(project: Project) -> str:
    """Return when the volume with the queue was made."""
    return docker("volume", "inspect", "--format", "{{.CreatedAt}}", f"{compose_name(project)}-queue")


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
    url, file, queue = (
        environment.url(),
        (environment.root_dir / "mwaa.yaml").read_bytes(),
        queue_of(environment.project),
    )
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
    assert queue_of(environment.project) != queue, "messages of the new release are gone with its runs"
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


def test_takes_data_along_and_leaves_nothing_that_cannot_be_removed(environment: DockerEnvironment) -> None:
    project, history = environment.project, History(environment.runner)
    (first,) = history.runs()
    queue, image = queue_of(project), image_of(environment)
    outcome = environment.run(*WORDS, "--run", "history", "--json", timeout_s=TIMEOUT_S)
    assert outcome.exit_code == 0, outcome.stderr
    told = json.loads(outcome.stdout)
    assert (told["from"], told["to"], statuses(told)) == (BEFORE, AFTER, SUCCESS)
    assert environment.execute("worker.1", "python", "--version").startswith("Python 3.12")
    assert (environment.root_dir / "mwaa.yaml").read_text().count(
        f'AirflowVersion: "{AFTER}"  # moved by the test'
    ) == 1
    assert list(history.runs().values()) == ["success", "success"]
    assert history.tasks(first) == {"push": "success", "pull": "success"}
    assert history.secrets() == (PASSWORD, SECRET)
    assert WORD in environment.run("logs", "--group", "Task").stdout
    assert queue_of(project) != queue

    assert databases_of(project) == [BEFORE, AFTER]
    assert len([name for name in volumes_of(project) if "-packages-" in name]) == 1
    assert removable(environment).keys() >= {image}, (
        "it goes with the next `cache prune`, unless another project has it"
    )
    lives = environment.lives()
    assert environment.run("reset-db", "--airflow-version", BEFORE, "--yes").exit_code == 0
    assert (databases_of(project), environment.lives()) == ([AFTER], lives)
    assert environment.run("down", "--volumes").exit_code == 0
    assert (containers_of(project), volumes_of(project)) == ([], [])


def image_of(environment: DockerEnvironment) -> str:
    """Return the tag of the image that its tasks run in."""
    return docker("inspect", "--format", "{{.Config.Image}}", environment.containers()["worker.1"].id).strip()


def removable(environment: DockerEnvironment) -> dict[str, Any]:
    """Return the images that this project does not keep, by their tags."""
    listed = json.loads(environment.run("cache", "list", "--json").stdout)["items"]
    root = str(environment.project.root_dir)
    return {item["name"]: item for item in listed if item["kind"] == "image" and root not in item["used_by"]}
