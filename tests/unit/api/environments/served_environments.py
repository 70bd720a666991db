"""What tests of the API's environments share: members as a client gives them, and a registry in an empty folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from mwaa_local.api.environments.faults import CREATE_FAILS, Fault
from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.environments.worker import MODULE
from mwaa_local.api.http.errors import ServiceError

NAME = "demo"
TIMEOUT_S = 60.0
GONE = "gone"


def members(name: str = NAME, **more: Any) -> dict[str, Any]:
    """Return what CreateEnvironment requires, and `more`."""
    return {
        "Name": name,
        "ExecutionRoleArn": "arn:aws:iam::000000000000:role/execution",
        "SourceBucketArn": "arn:aws:s3:::bucket",
        "DagS3Path": "dags",
        "NetworkConfiguration": {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
        **more,
    }


def status(registry: Registry, name: str = NAME) -> str:
    try:
        return registry.find(name).status
    except ServiceError as error:
        assert error.code == "ResourceNotFoundException"
        return GONE


def wait_for(registry: Registry, *wanted: str, name: str = NAME, timeout_s: float = TIMEOUT_S) -> list[str]:
    """Wait until the environment's status is one of these; return the statuses seen, each once in a row."""
    seen: list[str] = []
    deadline = time.monotonic() + timeout_s
    while not seen or seen[-1] not in wanted:
        now = status(registry, name)
        if not seen or seen[-1] != now:
            seen.append(now)
        assert time.monotonic() < deadline, seen
        time.sleep(0.02)
    return seen


def let_creation_fail(registry: Registry) -> None:
    """Let a creation end before it starts Airflow, so that a test of everything around that takes a second."""
    registry.faults.set(Fault(CREATE_FAILS, time.time()))


def workers_of(folder: Path) -> list[psutil.Process]:
    """Return the processes that carry out operations on environments below a folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if MODULE in words and any(word.startswith(str(folder)) for word in words):
            found.append(process)
    return found


def wait_until(check: Callable[[], Any], timeout_s: float = TIMEOUT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.02)
