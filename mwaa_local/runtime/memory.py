"""How many processes the kernel has killed for lack of memory, in the words in which Linux tells it."""

from __future__ import annotations

import re
from pathlib import Path

# Counts for the whole machine, control groups with a limit of their own included. Since Linux 4.13.
MACHINE_PATH = Path("/proc/vmstat")
# Of the control group that a container sees as its own, in both versions of the kernel's interface.
CONTAINER_ARGV = ("sh", "-c", "cat /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null")
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
