"""Stopping containers: what stays, what goes, and `docker compose` by hand."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from tests.docker_environments import FIRST_UP_TIMEOUT_S, DockerEnvironment, containers_of, docker, volumes_of
from tests.environments import LATEST

pytestmark = [pytest.mark.docker, pytest.mark.full, pytest.mark.network]

MARKED_RUN = "run_that_must_survive_down"


@pytest.fixture(scope="module")
def stopped(docker_environment: DockerEnvironment) -> DockerEnvironment:
    """The shared environment, stopped after a DAG run."""
    docker_environment.trigger("hello_mwaa", MARKED_RUN)
    assert docker_environment.wait_for_run("hello_mwaa", MARKED_RUN) == "success"
    outcome = docker_environment.run("down")
    assert outcome.exit_code == 0, outcome.stderr
    assert "stopped after" in outcome.stderr
    return docker_environment


def test_down_keeps_database_queue_and_packages(stopped: DockerEnvironment) -> None:
    assert containers_of(stopped.project) == []
    kept = {name.rpartition("-")[2] if "-packages-" not in name else "packages" for name in stopped.volumes()}
    assert kept == {LATEST, "queue", "packages", "cache"}


def test_stopped_environment_says_so_and_its_logs_are_readable(stopped: DockerEnvironment) -> None:
    status = stopped.run("status")
    assert (status.exit_code, "nothing is running here" in status.stderr) == (1, True)
    lines = [json.loads(line) for line in stopped.run("logs", "--json", "scheduler", "worker").stdout.splitlines()]
    # a worker that another module had beside this one has left its log as well
    assert {line["component"].partition(".")[0] for line in lines} == {"scheduler", "worker"}
    assert any(line["component"] == "worker.1" and "received" in line["text"] for line in lines)
    again = stopped.run("down")
    assert (again.exit_code, again.stderr.strip()) == (0, "nothing is running here")
    refused = stopped.run("airflow", "version")
    assert (refused.exit_code, "mwaa-local up" in refused.stderr) == (3, True)


def test_prune_keeps_the_image_of_a_stopped_project(stopped: DockerEnvironment) -> None:
    outcome = stopped.run("cache", "prune", "--all", "--volumes", "--dry-run", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    plain = json.loads(outcome.stdout)
    assert plain["docker_skipped"] is None
    used = {item["name"]: item["kind"] for item in plain["kept"] if str(stopped.root_dir) in item["used_by"]}
    assert {"image", "packages volume", "database volume"} <= set(used.values())
    assert stopped.volumes() <= set(used)
    assert not any(name in stopped.volumes() for name in (item["name"] for item in plain["removed"]))


def test_up_continues_where_down_left_it(stopped: DockerEnvironment) -> None:
    outcome = stopped.run("up", "--port", "0")
    assert outcome.exit_code == 0, outcome.stderr
    assert stopped.run_state("hello_mwaa", MARKED_RUN) == "success"
    assert stopped.status()["healthy"]
    lines = stopped.run("logs", "migrate-db").stdout.splitlines()
    assert "the metadata database is prepared already" in lines[-1]
    assert stopped.run("down").exit_code == 0


def test_compose_by_hand_brings_the_same_environment_up(stopped: DockerEnvironment) -> None:
    written = stopped.run("env")
    assert written.exit_code == 0, written.stderr
    command = shlex.split(written.stdout)
    compose(stopped, command, "up", "--wait", "--quiet-pull")
    status = stopped.wait_until_healthy()
    assert {item["name"] for item in status["components"]} >= {"postgres", "scheduler", "worker.1"}
    assert stopped.run_state("hello_mwaa", MARKED_RUN) == "success"
    version = stopped.run("airflow", "version")
    assert (version.exit_code, version.stdout.split()[-1]) == (0, LATEST)
    assert "|" in stopped.run("logs", "webserver").stdout


def compose(stopped: DockerEnvironment, command: list[str], *words: str) -> None:
    done = subprocess.run(
        [*command, *words],
        cwd=stopped.root_dir,
        env=dict(stopped.runner.env),
        capture_output=True,
        text=True,
        timeout=FIRST_UP_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_up_takes_over_what_was_started_by_hand(stopped: DockerEnvironment) -> None:
    before = stopped.lives()
    outcome = stopped.run("up")
    assert outcome.exit_code == 0, outcome.stderr
    assert stopped.lives() == before
    down = stopped.run("down")
    assert (down.exit_code, containers_of(stopped.project)) == (0, [])


def test_reset_db_removes_the_database_and_nothing_else(stopped: DockerEnvironment) -> None:
    before = stopped.volumes()
    secrets = json.loads((stopped.project.state_dir / "secrets.json").read_text())
    refused = stopped.run("reset-db", stdin="n\n")
    assert (refused.exit_code, stopped.volumes()) == (1, before)
    outcome = stopped.run("reset-db", "--yes")
    assert outcome.exit_code == 0, outcome.stderr
    gone = {name for name in before if name.endswith((f"-database-{LATEST}", "-queue"))}
    assert stopped.volumes() == before - gone
    assert len(gone) == 2
    assert json.loads((stopped.project.state_dir / "secrets.json").read_text())["fernet_key"] == secrets["fernet_key"]


def test_down_with_volumes_removes_everything_of_the_project(stopped: DockerEnvironment) -> None:
    outcome = stopped.run("up", "--port", "0")
    assert outcome.exit_code == 0, outcome.stderr
    assert stopped.run_state("hello_mwaa", MARKED_RUN) == ""  # the database is the new one
    others = docker("volume", "ls", "--quiet").split()
    others = sorted(set(others) - stopped.volumes())
    outcome = stopped.run("down", "--volumes")
    assert outcome.exit_code == 0, outcome.stderr
    assert (containers_of(stopped.project), volumes_of(stopped.project)) == ([], [])
    assert set(docker("volume", "ls", "--quiet").split()) >= set(others)
    assert not (stopped.project.state_dir / "secrets.json").exists()
