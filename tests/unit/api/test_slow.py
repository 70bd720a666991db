"""Calls that were made slow keep no thread from others."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from mwaa_local.api.environments.faults import SLOW, Fault
from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.http.server import THREADS
from tests.unit.api.serving import SIGNED, Served, served

SLOW_S = 20.0
PATIENCE_S = 5.0


def test_others_are_answered_while_as_many_calls_wait_as_there_are_threads(tmp_path: Path) -> None:
    registry = Registry.of_folder(tmp_path / "environments", {})
    registry.faults.set(Fault(SLOW, time.time(), times=THREADS, seconds=SLOW_S))
    gave_up = threading.Event()

    def slow(endpoint: Served) -> None:
        with pytest.raises(httpx.ReadTimeout):
            ask(endpoint)
        gave_up.set()

    with served(registry) as endpoint, ThreadPoolExecutor(THREADS) as pool:
        slow_ones = [pool.submit(slow, endpoint) for _ in range(THREADS)]
        while registry.faults.listed():
            time.sleep(0.01)
        assert ask(endpoint) == 200
        assert not gave_up.is_set()
        for each in slow_ones:
            each.result()


def ask(endpoint: Served) -> int:
    headers = {"Authorization": SIGNED}
    return httpx.get(f"{endpoint.url}/environments", headers=headers, timeout=PATIENCE_S).status_code
