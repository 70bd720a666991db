"""The worker of an operation: a process of its own that goes on whoever asked for it, and the lock that says it lives.

Who begins an operation takes the lock, writes the record and hands the lock to the worker, so that there is no moment
at which an operation is in the record and nobody seems to work on it. The kernel releases the lock of a worker that
dies; whoever then reads the record may begin the operation again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from mwaa_local import flock
from mwaa_local.api.environments.record import service_dir
from mwaa_local.files import PRIVATE_FILE_MODE
from mwaa_local.project import Project

LOCK_NAME = "operation.lock"
LOG_NAME = "operations.out"  # below the project's logs
A_LOOK_S = 0.3  # outlasts somebody who looks
WORKER_END_S = 10.0  # between the end of an operation and that of its process, at most
MODULE = "mwaa_local.api.environments.work"
_started: list[subprocess.Popen[bytes]] = []  # so that none of ours stays a zombie


def take_lock(project: Project, wait_s: float = 0.0) -> int | None:
    """Return a descriptor that holds the lock of the environment's operations; None where somebody else does.

    Who only looks whether a worker lives has it for a moment: `wait_s` outlasts that.
    """
    try:
        return flock.take(service_dir(project) / LOCK_NAME, wait_s)
    except FileNotFoundError:  # the environment was deleted just now
        return None


def start_worker(project: Project, lock: int, env: Mapping[str, str]) -> None:
    """Start a worker that holds the lock from now on; the descriptor here is closed."""
    try:
        _started[:] = [each for each in _started if each.poll() is None]
        project.logs_dir.mkdir(parents=True, exist_ok=True)
        path = project.logs_dir / LOG_NAME
        # Private: a startup script that failed is in it with its last output.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE_MODE), "ab") as log:
            _started.append(
                subprocess.Popen(
                    [sys.executable, "-m", MODULE, str(project.root_dir), str(lock)],
                    env=dict(env),
                    cwd=Path("/"),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock,),
                    start_new_session=True,
                )
            )
    finally:
        os.close(lock)
