"""Inside a release's interpreter: what the parent knows and does of the processes that import DAG files.

Runs on Python 3.7 too.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

TAIL_BYTES = 4000
MAX_TAIL_LINES = 8
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
AIRFLOW_FIRST_WORDS = "Filling up the DagBag from"  # a line of its log, before each file


def tail(path: Path) -> list[str]:
    """Return the last lines that a process has printed."""
    try:
        with path.open("rb") as output:
            output.seek(max(0, path.stat().st_size - TAIL_BYTES))
            text = output.read().decode("utf-8", "replace")
    except OSError:
        return []
    lines = [line for line in text.strip().splitlines() if AIRFLOW_FIRST_WORDS not in line]
    return lines[-MAX_TAIL_LINES:]


def end_of(status: int) -> tuple[str, str]:
    """Return kind and reason of a process that ended without a result."""
    if os.WIFSIGNALED(status):
        return "died", f"Python was ended by signal {os.WTERMSIG(status)}"
    return "died", f"Python ended with exit code {os.WEXITSTATUS(status)}"


def memory_bytes(pid: int) -> int:
    """Return what is in memory of a process; 0 where the system does not tell, or it is gone."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * PAGE_BYTES


def kill_group(pid: int) -> None:
    """End a process and all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
