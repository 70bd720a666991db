"""Processes and their groups: the end of one, signals to them, whether one still runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import threading
from pathlib import Path


async def end_of(process: subprocess.Popen[bytes]) -> int:
    """Wait for the process; return its exit code, negative for a signal.

    On a thread of its own: a component lives as long as the environment, and the event loop's pool has few threads.
    """
    loop = asyncio.get_running_loop()
    end: asyncio.Future[int] = loop.create_future()

    def wait() -> None:
        code = process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed, nobody asks any more
            loop.call_soon_threadsafe(lambda: None if end.done() else end.set_result(code))

    threading.Thread(target=wait, daemon=True).start()
    return await end


def signal_process(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def group_alive(pid: int, *, leader_only: bool = False) -> bool:
    """Say whether the process, or anyone in its group, runs; a process that ended and awaits its parent does not."""
    try:
        os.kill(pid, 0) if leader_only else os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid) if leader_only else True


def _is_zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "Z"
