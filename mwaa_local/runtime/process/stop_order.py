"""How a component with helpers is asked to end: the helpers first, while the process that leads them waits.

Airflow 3's triggerer and DAG processor learn from closed sockets that a helper ends, and then ask once whether it has
ended. It closes them a moment before that. Who asks in between waits for sockets of which none is left: the triggerer
for 10 s, the DAG processor for 5 s (`WatchedSubprocess.kill` in airflow/sdk/execution_time/supervisor.py of 3.0.6,
3.2.1 and 3.3.1). So the leader is held back until its helpers have ended.

docker/entrypoint/stopping.py does the same in containers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

# A triggerer's helper looks every 0.1 s whether it is to end (`block_watchdog`). One that waits for an answer of the
# leader ends only after that goes on.
HELPERS_END_S = 0.5
# The leader looks at least once a second for what its helpers do (`run_once`).
HELPERS_GONE_S = 5.0
POLL_PAUSE_S = 0.02


async def ask_helpers_first(leader: int, number: int) -> None:
    """Send the signal to the helpers in the leader's group and, when they have ended, to the leader."""
    _signal(leader, signal.SIGSTOP)
    try:
        helpers = _helpers_of(leader)
        for helper in helpers:
            _signal(helper.pid, number)
        in_time = await _wait_until(lambda: not any(_runs(helper) for helper in helpers), HELPERS_END_S)
        if in_time:
            _signal(leader, number)  # taken as soon as it goes on
    finally:
        _signal(leader, signal.SIGCONT)
    if not in_time:
        await _wait_until(lambda: not any(helper.is_running() for helper in helpers), HELPERS_GONE_S)
        _signal(leader, number)


def _helpers_of(leader: int) -> list[psutil.Process]:
    import psutil  # the supervisor needs it only here

    try:
        below = psutil.Process(leader).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [process for process in below if _group_of(process.pid) == leader]


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _runs(process: psutil.Process) -> bool:
    """Say whether it has not ended yet; one that has may still await that the leader asks."""
    import psutil

    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


async def _wait_until(done: Callable[[], bool], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_PAUSE_S)
    return True
