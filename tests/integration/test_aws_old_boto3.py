"""Releases whose boto3 reads no AWS_ENDPOINT_URL: it finds a local AWS all the same, as do hooks and backends."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.configuration.base import LOCAL_CREDENTIALS
from mwaa_local.packages import PackageStore
from mwaa_local.release import Release
from mwaa_local.services.aws_clients import endpoint_variables, reads_endpoint
from tests.conftest import cache_dir
from tests.integration.aws_endpoint import Endpoint, endpoint

pytestmark = [pytest.mark.network, pytest.mark.full]
PROGRAM_PATH = Path(__file__).parent / "dags" / "old_boto3.py"
OLD = [version for version in Release.versions() if not reads_endpoint(Release.load(version))]
FIXTURES = {
    "buckets": ["bucket-one"],
    "secrets": {"v/stage": "hidden in a secret"},
    "parameters": [{"Name": "/v/stage", "Value": "a parameter", "Type": "String"}],
}


class FilesPlace:
    """Shows files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def shown(self, name: str, text: str) -> str:
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with endpoint(tmp_path_factory.mktemp("aws"), FIXTURES) as started:
        yield started


@pytest.mark.parametrize("version", OLD)
def test_boto3_hooks_and_secrets_backends_find_it(version: str, aws: Endpoint, tmp_path: Path) -> None:
    release = Release.load(version)
    packages = PackageStore(cache_dir(), os.environ).base(release, lambda _: None)
    place: Any = FilesPlace(tmp_path)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
        "AWS_DEFAULT_REGION": "us-east-1",
        **LOCAL_CREDENTIALS,
        **endpoint_variables(release, place, aws.url),
    }
    argv = [str(packages.python_path), "-W", "ignore", str(PROGRAM_PATH)]
    done = subprocess.run(argv, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    written = f"by {release.packages.base['boto3']}"
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "boto3": release.packages.base["boto3"],
        "plain": written,
        "account": ["000000000000", "000000000000"],
        "hook": written,
        "secret": "hidden in a secret",
        "parameter": "a parameter",
        "regions": True,
    }
