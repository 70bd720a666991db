"""MWAA's API for a folder of environments, and the AWS of this machine beside it: two real processes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from mwaa_local.api.address import FOLDER, SOCKET_NAME
from mwaa_local.api.launch import ApiProcess
from mwaa_local.project import STATE_DIR, Project
from tests.conftest import ProjectRunner, make_clean_env
from tests.environments import RunningEnvironment, wait_until
from tests.integration.aws_endpoint import Endpoint, endpoint

AVAILABLE_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class MwaaService:
    """Both of them. Environments are made in `runner`'s folder."""

    runner: ProjectRunner
    aws: Endpoint

    @property
    def mwaa(self) -> Any:
        return self.aws.client("mwaa")

    def project(self, name: str) -> Project:
        return Project(self.runner.root_dir / name)

    def events(self, name: str) -> list[str]:
        """Return what the environment's events say, the oldest first."""
        record = json.loads((self.project(name).state_dir / "mwaa" / "environment.json").read_text())
        return [event["what"] for event in record["events"]]


@contextmanager
def mwaa_service(folder: Path, state: Path | None = None) -> Iterator[MwaaService]:
    """Start both; end them, and the environments that are left, afterwards. `state` is as `endpoint` has it."""
    environments = folder / "environments"
    for part in (environments, folder / "home"):
        part.mkdir()
    socket_path = environments / STATE_DIR / FOLDER / SOCKET_NAME
    with endpoint(folder, socket_path=socket_path, state=state) as aws:
        env = {**make_clean_env(folder / "home"), "AWS_ENDPOINT_URL": aws.url, "MWAA_LOCAL_RUNTIME": "process"}
        runner = ProjectRunner(environments, env)
        started = runner.run("api", str(environments), "--detach", "--json")
        assert started.exit_code == 0, started.stderr
        try:
            yield MwaaService(runner, aws)
        finally:
            runner.run("api", str(environments), "--stop")
            for project_dir in (Path(entry.path) for entry in os.scandir(environments) if entry.is_dir()):
                if project_dir.name != STATE_DIR:
                    ProjectRunner(project_dir, env).run("down", "--now")


def api_of(environment: RunningEnvironment) -> ApiProcess:
    """Return MWAA's API beside an environment that `up` started."""
    return ApiProcess(environment.project.root_dir, environment.runner.env)


def client_of(environment: RunningEnvironment) -> Any:
    """Return boto3's client of that API, which is started again where it has ended."""
    api = api_of(environment)
    return boto3.client(
        "mwaa",
        endpoint_url=api.find_or_start(api.asked()).url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(inject_host_prefix=False),
    )


def available(client: Any) -> str:
    """Return the name of the one environment once MWAA's API calls it available."""
    (name,) = client.list_environments()["Environments"]

    def is_available() -> bool:
        return bool(client.get_environment(Name=name)["Environment"]["Status"] == "AVAILABLE")

    wait_until(is_available, AVAILABLE_TIMEOUT_S, "the environment is available")
    return str(name)
