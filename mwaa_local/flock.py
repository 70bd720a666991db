"""Locks of files and folders between processes (flock(2)): taken, tried, waited for.

The kernel releases the lock of a process that dies. A lock belongs to the open file: whoever inherits the descriptor
holds it, too, and closing the last one releases it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

PAUSE_S = 0.02  # between two tries of one who waits for a limited time
LOCK_MODE = 0o600


def wait(fd: int, *, shared: bool = False) -> None:
    """Take the lock of an open file, however long others hold it. Raises OSError on a file system without locks."""
    fcntl.flock(fd, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def attempt(fd: int, wait_s: float = 0.0, *, shared: bool = False) -> bool:
    """Try to take the lock of an open file for so many seconds, at least once; return whether that worked.

    Raises OSError on a file system without locks.
    """
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
        time.sleep(PAUSE_S)


def take(path: Path, wait_s: float = 0.0) -> int | None:
    """Return a descriptor that holds a lock file, which is made; None where another holds it for so many seconds.

    Raises OSError where the file cannot be made.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, LOCK_MODE)
    try:
        taken = attempt(fd, wait_s)
    except BaseException:
        os.close(fd)
        raise
    if taken:
        return fd
    os.close(fd)
    return None


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a lock file, which is made, waiting for whoever holds it. Raises OSError where it cannot be made."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, LOCK_MODE)
    try:
        wait(fd)
        yield
    finally:
        os.close(fd)
