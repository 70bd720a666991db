"""Whoever dies in the middle, API, worker or supervisor, an environment is made and removed to the end."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.conftest import ProjectRunner, make_clean_env
from tests.environments import LATEST
from tests.integration.aws_server import wait_until
from tests.integration.test_service_life import NAME, Service, status_of, wait_for

pytestmark = [pytest.mark.full, pytest.mark.network]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An API without any AWS, so that nothing is copied."""
    env = make_clean_env(tmp_path_factory.mktemp("home"))
    service = Service(ProjectRunner(tmp_path_factory.mktemp("environments"), env), "")
    yield service
    for worker in service.workers():
        worker.kill()
    service.runner.run("api", str(service.folder), "--stop")
    if service.project.root_dir.exists():
        ProjectRunner(service.project.root_dir, env).run("down", "--now")


def kill_worker_and_api(service: Service) -> None:
    os.kill(service.api_pid(), signal.SIGKILL)
    for worker in service.workers():
        worker.kill()
    wait_until(lambda: not service.workers())


def test_creation_is_gone_on_with(service: Service) -> None:
    service.mwaa().create_environment(
        Name=NAME,
        AirflowVersion=LATEST,
        ExecutionRoleArn="arn:aws:iam::000000000000:role/execution",
        SourceBucketArn="arn:aws:s3:::bucket",
        DagS3Path="dags",
        NetworkConfiguration={"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
    )
    wait_until(lambda: (service.project.run_dir / "state.json").exists(), timeout_s=300)
    kill_worker_and_api(service)
    # Its supervisor, too: the launcher has to begin from the state folder alone.
    os.kill(json.loads((service.project.run_dir / "state.json").read_text())["pid"], signal.SIGKILL)
    assert wait_for(service.mwaa(), "AVAILABLE", "CREATE_FAILED", "UNAVAILABLE") == ["CREATING", "AVAILABLE"]


def test_lost_worker_comes_back(service: Service) -> None:
    here = ProjectRunner(service.project.root_dir, service.runner.env)

    def worker_pid() -> int:
        components = json.loads(here.run("status", "--json").stdout)["components"]
        return int(next(each["pid"] or 0 for each in components if each["name"] == "worker.1"))

    before = worker_pid()
    assert "killed worker.1" in here.run("fault", "set", "worker-lost").stderr
    wait_until(lambda: worker_pid() not in (0, before), timeout_s=120)
    wait_until(lambda: status_of(service.mwaa()) == "AVAILABLE", timeout_s=120)


def test_deletion_is_gone_on_with(service: Service) -> None:
    service.mwaa().delete_environment(Name=NAME)
    wait_until(lambda: service.workers())
    time.sleep(1)
    kill_worker_and_api(service)
    assert wait_for(service.mwaa(), "gone")[-1] == "gone"
    assert [path.name for path in service.folder.iterdir() if not path.name.startswith(".")] == []
