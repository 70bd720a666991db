"""MWAA's API for a folder of environments, and the AWS of this machine beside it: two real processes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.api.address import FOLDER, SOCKET_NAME
from mwaa_local.project import STATE_DIR, Project
from tests.conftest import ProjectRunner, make_clean_env
from tests.integration.aws_endpoint import Endpoint, endpoint


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
def mwaa_service(folder: Path) -> Iterator[MwaaService]:
    """Start both; end them, and the environments that are left, afterwards."""
    environments = folder / "environments"
    for part in (environments, folder / "home"):
        part.mkdir()
    socket_path = environments / STATE_DIR / FOLDER / SOCKET_NAME
    with endpoint(folder, socket_path=socket_path) as aws:
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
