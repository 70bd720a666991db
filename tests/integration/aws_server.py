"""An AWS of a test's own: moto's server, without an environment around it."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from mwaa_local.services.aws import aws_python
from tests.conftest import cache_dir, make_clean_env

KEYS = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
START_TIMEOUT_S = 60.0


def client(service: str, url: str) -> Any:
    """Return a client of boto3 that shows each error as it comes."""
    config = Config(inject_host_prefix=False, retries={"max_attempts": 0}, s3={"addressing_style": "path"})
    return boto3.client(service, endpoint_url=url, config=config, **KEYS)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL at which it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    python = aws_python(cache_dir(), make_clean_env(tmp_path_factory.mktemp("aws-home")), lambda _: None)
    server = subprocess.Popen(
        [python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{url}/moto-api/"), START_TIMEOUT_S)
        yield url
    finally:
        server.terminate()
        server.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_until(check: Callable[[], Any], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.1)
