"""What the process runtime remembers on disk about a running environment, and how it is read back without trust."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from mwaa_local.files import PRIVATE_FILE_MODE, write_private

STATE_NAME = "state.json"
SESSIONS_NAME = "sessions.jsonl"
# `none` switches the process namespace off; tests use it to prove the other way of finding leftovers.
ISOLATION_VARIABLE = "MWAA_LOCAL_ISOLATION"
NO_ISOLATION = "none"


@dataclass(frozen=True)
class State:
    """The process whose end ends the environment, and when it started (epoch seconds), since pids are reused."""

    pid: int
    started: float
    isolated: bool  # it is process 1 of a namespace: its end takes all others along


def write_state(run_dir: Path, state: State) -> None:
    write_private(run_dir / STATE_NAME, json.dumps(asdict(state)))


def read_state(run_dir: Path) -> State | None:
    """Return the remembered state, or None when there is none or it cannot be understood."""
    try:
        plain = json.loads((run_dir / STATE_NAME).read_text(encoding="utf-8"))
        return State(pid=int(plain["pid"]), started=float(plain["started"]), isolated=bool(plain["isolated"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember_session(run_dir: Path, pid: int) -> None:
    """Note a session that was opened just now, so that what lives in it can be found without its leader."""
    line = json.dumps({"pid": pid, "started": time.time()}) + "\n"
    fd = os.open(run_dir / SESSIONS_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE_MODE)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(line)
