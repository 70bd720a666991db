"""Read the health page of a running Airflow, and wait until it is all healthy."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mwaa_local.release import Release
from tools.bench.commands import BenchError, wait_until
from tools.bench.databases import epoch

HEALTHY_TIMEOUT_S = 180.0


def health_signs(release: Release, *, own_dag_processor: bool) -> list[str]:
    """Return the parts of the health page that must be healthy."""
    signs = ["metadatabase", "scheduler"]
    if release.triggerer_argv is not None:
        signs.append("triggerer")
    if own_dag_processor:
        signs.append("dag_processor")
    return signs


def unhealthy(page: Mapping[str, Any], wanted: Iterable[str], since: float) -> str:
    """Return the first of the `wanted` parts that a health page does not call healthy, or "".

    A page shows the last heartbeat there was, so one from before `since` (epoch seconds) does not count. Parts that
    this Airflow's page has no entry for are passed over.
    """
    for name in wanted:
        part = page.get(name)
        if part is None:
            continue
        beat = part.get(f"latest_{name}_heartbeat")
        if part.get("status") != "healthy" or (name != "metadatabase" and (not beat or epoch(beat) < since)):
            return name
    return ""


def wait_healthy(url: str, wanted: Sequence[str], since: float, alive: Callable[[], bool]) -> None:
    """Return once the health page is all healthy. Raises BenchError when it is not in time, or Airflow has ended."""
    last = "no answer"

    def check() -> bool:
        nonlocal last
        if not alive():
            raise BenchError("Airflow ended while it started")
        with contextlib.suppress(OSError, ValueError), urllib.request.urlopen(url, timeout=5) as answer:
            last = unhealthy(json.load(answer), wanted, since)
            return not last
        return False

    try:
        wait_until(check, HEALTHY_TIMEOUT_S, f"{url} healthy")
    except BenchError as error:
        raise BenchError(f"{error} (last seen unhealthy: {last})") from error
