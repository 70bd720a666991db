"""What the process runtime remembers on disk about a running environment, and how it is read back without trust."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mwaa_local.errors import StateCorrupted, disk_error

STATE_NAME = "state.json"
SESSIONS_NAME = "sessions.jsonl"
PRIVATE_FILE_MODE = 0o600
# `none` switches the process namespace off; tests use it to prove the other way of finding leftovers.
ISOLATION_VARIABLE = "MWAA_LOCAL_ISOLATION"
NO_ISOLATION = "none"
# In the environment of every process that we start, so that one can be told from a stranger.
MARK_VARIABLE = "MWAA_LOCAL_RUN_DIR"


@dataclass(frozen=True)
class State:
    """The process whose end ends the environment, and when it started (epoch seconds), since pids are reused."""

    pid: int
    started: float
    isolated: bool  # it is process 1 of a namespace: its end takes all others along


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, whole or not at all. Raises DiskFull when there is no room."""
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.unlink(missing_ok=True)  # a mode given at creation does not change that of a file a crash left
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE_MODE)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(path)
    except OSError as error:
        raise disk_error(error, path.parent) from error


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


def read_json(path: Path, what: str, hint: str) -> Mapping[str, Any]:
    """Return the mapping in a JSON file of ours. Raises StateCorrupted when it holds anything else."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StateCorrupted(f"{what} cannot be read: {path}", str(error), hint) from error
    if not isinstance(plain, dict):
        raise StateCorrupted(f"{what} is not what was written: {path}", "It holds no JSON object.", hint)
    return plain
