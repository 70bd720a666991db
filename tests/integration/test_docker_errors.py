"""Failures of the Docker runtime that a user can act on, each with its real cause."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from mwaa_local.files import PRIVATE_FILE_MODE
from mwaa_local.project import Project
from mwaa_local.runtime.ports import port_settings
from tests.conftest import ProjectRunner
from tests.docker_environments import (
    DockerEnvironment,
    containers_of,
    docker,
    removed_at_the_end,
    volumes_of,
)
from tests.environments import plain_files
from tests.integration.test_errors import DEAD_INDEX, assert_failed, aws_with, taken_port

__all__ = ["taken_port"]

pytestmark = [pytest.mark.docker, pytest.mark.network]

BASE_IMAGE = "python:3.12-slim-bookworm"
# Of the two images that are built at the same time, either may be the one that fails first.
FIRST_STEP = r"could not be built, step '(uv|front door or local AWS)'"
INTERRUPTED_EXIT_CODE = 130
INTERRUPTED_TIMEOUT_S = 60.0


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[ProjectRunner]:
    """A project with one small DAG that is removed at the end, containers and volumes included."""
    with removed_at_the_end(tmp_path) as made:
        made.write(plain_files())
        yield made


@pytest.fixture
def unbuilt_base() -> Iterator[str]:
    """A base image that no step of the build was ever made on, so that nothing comes out of the build cache."""
    tag = f"mwaa-local-test/base:{uuid4().hex}"
    made = f"FROM {BASE_IMAGE}\nRUN echo {tag} > /made-for\n"
    subprocess.run(["docker", "build", "--quiet", "--tag", tag, "-"], input=made, text=True, check=True)
    yield tag
    docker("image", "rm", "--force", tag)


@pytest.mark.full
def test_build_without_an_index_names_step_and_host(runner: ProjectRunner, unbuilt_base: str) -> None:
    runner.write(plain_files(Local={"BaseImage": unbuilt_base}))
    outcome = runner.run("up", "--port", "0", env={"PIP_INDEX_URL": f"{DEAD_INDEX}simple"})
    assert re.search(FIRST_STEP, outcome.stderr)
    assert_failed(outcome, "the image could not be built", "127.0.0.1 could not be reached", "PIP_INDEX_URL")
    assert "installing: uv" in outcome.stderr  # the progress of the build
    assert containers_of(project_of(runner)) == []


FAILING_PYTHON = """#!/bin/sh
for number in 1 2 3; do echo "reason $number"; done
exit 3
"""


@pytest.fixture
def broken_base(tmp_path: Path) -> Iterator[str]:
    """A base image whose Python says why it will not run."""
    tag = f"mwaa-local-test/base:{uuid4().hex}"
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "python").write_text(FAILING_PYTHON)
    made = f"FROM {BASE_IMAGE}\nCOPY --chmod=755 python /usr/local/sbin/python3.12\n"
    (tmp_path / "context" / "Dockerfile").write_text(made)
    subprocess.run(["docker", "build", "--quiet", "--tag", tag, str(tmp_path / "context")], check=True)
    yield tag
    docker("image", "rm", "--force", tag)


def test_failed_build_says_step_reason_and_log(runner: ProjectRunner, broken_base: str) -> None:
    runner.write(plain_files(Local={"BaseImage": broken_base}))
    outcome = runner.run("up", "--port", "0", env={"HTTP_PROXY_PASSWORD": "reason 2"})
    log_path = project_of(runner).logs_dir / "image_build.out"
    assert_failed(
        outcome,
        "the image could not be built, step '",
        "failed with exit code: 3, and these were its last lines",
        "reason 1\n",
        "reason 3\n",
        f"The whole log: {log_path}",
    )
    assert re.search(FIRST_STEP, outcome.stderr)
    log = log_path.read_text()
    assert "step: uv" in log
    assert re.search(r"^#\d+ \S+ reason 3$", log, re.MULTILINE)
    assert "reason 2" not in outcome.stderr + log  # the value of a variable that is named like a secret
    assert stat.S_IMODE(log_path.stat().st_mode) == PRIVATE_FILE_MODE
    assert containers_of(project_of(runner)) == []


def project_of(runner: ProjectRunner) -> Project:
    return Project(runner.root_dir.resolve())


def test_base_image_that_is_not_to_be_had(runner: ProjectRunner) -> None:
    runner.write(plain_files(Local={"BaseImage": "localhost:9/no/such:image"}))
    assert_failed(runner.run("up", "--port", "0"), "the base image localhost:9/no/such", "BaseImage")


def test_port_in_use_names_its_holder(runner: ProjectRunner, taken_port: int) -> None:
    outcome = runner.run("up", "--port", str(taken_port))
    assert_failed(outcome, f"port {taken_port} is already in use", "--port 0")
    assert containers_of(project_of(runner)) == []


@pytest.mark.parametrize(("name", "setting"), port_settings().items())
def test_port_in_use_of_the_environment_file(runner: ProjectRunner, taken_port: int, name: str, setting: str) -> None:
    runner.write(plain_files(Local={"Aws": aws_with(name), "WebserverPort": 0, setting: taken_port}))
    outcome = runner.run("up")
    assert_failed(outcome, f"port {taken_port} is already in use", f"Component {name} needs it", setting)
    assert containers_of(project_of(runner)) == []


def test_port_that_another_container_publishes(runner: ProjectRunner, docker_environment: DockerEnvironment) -> None:
    port = docker_environment.plan().ports["postgres"]
    runner.write(plain_files(Local={"PostgresPort": port}))
    assert_failed(runner.run("up", "--port", "0"), f"port {port} is already in use", "PostgresPort")


def test_other_runtime_is_refused_while_containers_run(docker_environment: DockerEnvironment) -> None:
    outcome = docker_environment.run("up", "--runtime", "process")
    assert_failed(outcome, "already running, with Docker", "mwaa-local down")


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("status", "--json"),
        ("airflow", "version"),
        ("up", "--runtime", "docker"),
        ("down",),
        ("down", "--now", "--volumes"),
        ("reset-db", "--yes"),
    ],
    ids=" ".join,
)
def test_engine_that_does_not_answer(
    docker_environment: DockerEnvironment, tmp_path: Path, words: tuple[str, ...]
) -> None:
    lives, volumes = docker_environment.lives(), docker_environment.volumes()
    env = {"DOCKER_HOST": f"unix://{tmp_path}/dead.sock"}
    outcome = docker_environment.runner.run(*words, env=env)
    assert_failed(outcome, "the Docker engine is not running", f"{tmp_path}/dead.sock")
    assert docker_environment.lives() == lives
    assert docker_environment.volumes() == volumes
    assert docker_environment.status()["running"]


def test_logs_are_readable_while_the_engine_does_not_answer(
    docker_environment: DockerEnvironment, tmp_path: Path
) -> None:
    assert docker_environment.run("logs", "worker").stdout
    outcome = docker_environment.runner.run(
        "logs", "worker", "--json", env={"DOCKER_HOST": f"unix://{tmp_path}/dead.sock"}
    )
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout.splitlines()[0])["component"] == "worker.1"


def test_auto_takes_processes_where_no_engine_answers_and_says_so(runner: ProjectRunner, tmp_path: Path) -> None:
    """It begins with processes; a port that is taken ends it there, so that the test costs nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        outcome = runner.run(
            "up",
            "--runtime",
            "auto",
            "--port",
            str(server.getsockname()[1]),
            env={"DOCKER_HOST": f"unix://{tmp_path}/dead.sock"},
        )
    assert outcome.stderr.splitlines()[0].split() == [
        *("runtime", "done", "processes", "(no", "Docker:", "the", "Docker", "engine", "is", "not", "running)"),
    ]
    assert_failed(outcome, "is already in use")


def test_interrupted_up_leaves_no_container(runner: ProjectRunner) -> None:
    up = runner.begin("up", "--port", "0")
    try:
        assert up.stderr is not None
        next(line for line in up.stderr if line.startswith("postgres"))
        up.send_signal(signal.SIGINT)
        _, rest = up.communicate(timeout=INTERRUPTED_TIMEOUT_S)
    finally:
        up.kill()
    assert up.returncode == INTERRUPTED_EXIT_CODE, rest
    assert "stopping what was started\n" in rest
    assert "Traceback" not in rest
    assert containers_of(project_of(runner)) == []
    status = runner.run("status")
    assert status.exit_code == 1, status.stderr
    assert volumes_of(project_of(runner)) != []  # `down --volumes` takes those
    assert runner.run("down", "--volumes").exit_code == 0
    assert volumes_of(project_of(runner)) == []


@pytest.mark.full
def test_startup_script_that_fails_stops_the_start(runner: ProjectRunner) -> None:
    runner.write({"startup/startup.sh": "export A=1\nset -e\nfalse\n"})
    outcome = runner.run("up", "--port", "0")
    assert_failed(outcome, "startup.sh:3: the startup script failed", "hint: remove `set -e`")
    assert containers_of(project_of(runner)) == []
