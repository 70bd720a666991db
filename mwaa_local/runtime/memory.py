"""How much memory there is, and how many processes the kernel has killed for lack of it, in Linux's own words."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

# Counts for the whole machine, control groups with a limit of their own included. Since Linux 4.13.
MACHINE_PATH = Path("/proc/vmstat")
# Of the control group that a container sees as its own, in both versions of the kernel's interface.
CONTAINER_ARGV = ("sh", "-c", "cat /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null")
# What a control group may have, that of the machine this runs on above all; in both versions of the interface.
LIMIT_PATHS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def kills_on_machine(path: Path = MACHINE_PATH) -> int | None:
    """Return the count since the machine was started; None where there is none, as on macOS."""
    try:
        return kills_in(path.read_text())
    except OSError:
        return None


def kills_in(text: str) -> int | None:
    """Return the number in one of the kernel's lists of counters."""
    found = KILLS.search(text)
    return int(found[1]) if found else None


def memory_of_machine(limit_paths: Sequence[Path] = LIMIT_PATHS) -> int | None:
    """Return how many bytes of memory this machine has, or the container that it is; None if that cannot be said."""
    try:
        found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (ValueError, OSError):
        return None
    for path in limit_paths:
        with contextlib.suppress(OSError, ValueError):  # "max" is no number, and no limit
            found.append(int(path.read_text()))
    return min(found)
