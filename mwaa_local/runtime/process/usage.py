"""What the processes of each component use, as the system tells it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from mwaa_local.runtime.usage import Usage

# Of Linux 4.14 and later: memory that processes share counts in parts, so that forks of one parent count it once.
PART_OF_MEMORY = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
KIB = 1024


def usages(processes: Iterable[psutil.Process], pids: Mapping[str, int]) -> dict[str, Usage]:
    """Return the usage of each component, by the process with which it began; `processes` are all that there are."""
    by_pid: dict[int, psutil.Process] = {}
    children: dict[int, list[int]] = {}
    for process in processes:
        with contextlib.suppress(psutil.Error):
            children.setdefault(process.ppid(), []).append(process.pid)
            by_pid[process.pid] = process
    return {name: _sum(_family(pid, children), by_pid) for name, pid in pids.items() if pid in by_pid}


def _family(pid: int, children: Mapping[int, list[int]]) -> list[int]:
    found = [pid]
    for each in found:  # which grows meanwhile
        found += children.get(each, [])
    return found


def _sum(family: Iterable[int], by_pid: Mapping[int, psutil.Process]) -> Usage:
    cpu_s, memory_bytes = 0.0, 0
    for process in (by_pid[pid] for pid in family):
        with contextlib.suppress(psutil.Error):  # it ended just now: its parent has its time
            times = process.cpu_times()
            cpu_s += times.user + times.system + times.children_user + times.children_system
            memory_bytes += _memory(process)
    return Usage(cpu_s, memory_bytes)


def _memory(process: psutil.Process) -> int:
    with contextlib.suppress(OSError):
        if found := PART_OF_MEMORY.search(Path(f"/proc/{process.pid}/smaps_rollup").read_text()):
            return int(found[1]) * KIB
    return int(process.memory_info().rss)
