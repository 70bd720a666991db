"""The API's endpoint in this process, with real environments' records on disk, on a real port."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from awscli.clidriver import create_clidriver
from botocore.config import Config

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.record import Record
from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.face import Face
from mwaa_local.api.http.routes import Routes
from mwaa_local.api.http.server import Endpoint, listen
from mwaa_local.api.serving import delaying, listening, performing
from mwaa_local.environment.environment import Environment
from mwaa_local.project import Project

REGION, ACCOUNT = "us-east-1", "000000000000"
SIGNED = f"AWS4-HMAC-SHA256 Credential=local/20261130/{REGION}/airflow/aws4_request, SignedHeaders=host, Signature=0"
CREATED_AT = 1_700_000_000.25


@dataclass(frozen=True)
class Served:
    """What answers, and for what."""

    port: int
    registry: Registry

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def client(self, service: str = "mwaa", **more: Any) -> Any:
        """Return a client of boto3 that asks this endpoint."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}, **more),
        )


@contextlib.contextmanager
def served(registry: Registry) -> Iterator[Served]:
    """Serve the environments of a registry until the end of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    face = Face(registry, REGION, ACCOUNT)

    async def page(_request: Any) -> Any:
        raise AssertionError

    try:
        with listening(0, 0) as listener:
            endpoint = Endpoint(Routes.load(), performing(face), page, delay=delaying(registry.faults))
            runner = asyncio.run_coroutine_threadsafe(listen(endpoint, [listener]), loop).result(30)
            yield Served(listener.getsockname()[1], registry)
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def aws(endpoint: Served, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the AWS CLI, in this process, and return its exit code."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    exit_code: int = create_clidriver().main(["mwaa", *words, "--endpoint-url", endpoint.url, "--output", "json"])
    return exit_code


def add(folder: Path, name: str, settled: str = records.AVAILABLE, **members: Any) -> Project:
    """Make an environment that once was, and does not run now."""
    project = Project(folder / name)
    project.root_dir.mkdir(parents=True)
    environment = Environment.from_members({"Name": name, "AirflowVersion": "3.3.1", **members})
    kept = {member: value for member, value in environment.members().items() if member not in ("Name", "Tags")}
    tags = dict(environment.tags)
    records.save(project, Record(name, records.BY_API, CREATED_AT, kept, tags, settled=settled))
    return project
