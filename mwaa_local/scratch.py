"""Folders for the time of one command, removed at its end or, if it was killed, at the beginning of the next one.

A folder is in use while a process holds its lock, which the kernel releases when the process ends.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mwaa_local import flock

RANDOM_NAME = "[a-z0-9_]{8}"  # what `tempfile` puts behind a prefix
# Between the making of a folder and the lock on it, before which nothing comes in. Far more than it takes.
GRACE_S = 60.0
OPEN_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def scratch_folder(prefix: str, parent_dir: Path | None = None) -> Iterator[Path]:
    """Give a new folder, by default among the machine's temporary ones, and remove what killed commands left there."""
    parent_dir = parent_dir or Path(tempfile.gettempdir())
    remove_abandoned(prefix, parent_dir)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent_dir, ignore_cleanup_errors=True) as name:
        handle = os.open(name, OPEN_FLAGS)
        try:
            flock.wait(handle)
            yield Path(name)
        finally:
            os.close(handle)


def remove_abandoned(prefix: str, parent_dir: Path, grace_s: float = GRACE_S) -> None:
    """Remove this user's folders of that prefix that nobody holds any more.

    One in which nothing is yet may be so new that its lock has still to come.
    """
    named = re.compile(re.escape(prefix) + RANDOM_NAME)
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(parent_dir)):
            if named.fullmatch(entry.name):
                _remove_if_abandoned(Path(entry.path), grace_s)


def _remove_if_abandoned(path: Path, grace_s: float) -> None:
    try:
        handle = os.open(path, OPEN_FLAGS)
    except OSError:  # gone, no folder, or another user's
        return
    try:
        about = os.fstat(handle)
        is_old = time.time() - about.st_mtime > grace_s or _has_something(handle)
        if about.st_uid == os.geteuid() and is_old and flock.attempt(handle):
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(handle)


def _has_something(folder_fd: int) -> bool:
    with os.scandir(folder_fd) as entries:
        return next(entries, None) is not None
