"""Files and folders of our own: written private and whole, read without trust, removed whatever their modes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from mwaa_local.errors import StateCorrupted, disk_error

PRIVATE_FILE_MODE = 0o600
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


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


def write_changed(path: Path, text: str) -> None:
    """Write such a file unless it is there with that text: whoever sees it goes on seeing the same file."""
    with contextlib.suppress(OSError, ValueError):
        if path.read_text(encoding="utf-8") == text:
            return
    write_private(path, text)


def make_private(folder: Path) -> Path:
    """Make a folder that only this user can look into, and return it; one that is there stays. Raises DiskFull."""
    try:
        folder.mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise disk_error(error, folder) from error
    return folder


def remove_tree(path: Path, *, ignore_errors: bool = False) -> None:
    """Remove a folder or file with all that is in it, also what tools have made read-only, as Go does.

    Links are never followed, and files that have other names stay as they are. Raises OSError, unless as much is to be
    removed as can be.
    """
    try:
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
            return
        _open_folders(path)
        shutil.rmtree(path, ignore_errors=ignore_errors)
    except OSError:
        if not ignore_errors:
            raise


def _open_folders(folder: Path) -> None:
    """Let this user list and change a folder of its own and all below. Another user's stays as it is."""
    with contextlib.suppress(OSError):  # another user's, or gone meanwhile
        mode = folder.stat(follow_symlinks=False).st_mode
        if mode & stat.S_IRWXU != stat.S_IRWXU:  # of folders alone: files are shared by their other names
            folder.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)
        with os.scandir(folder) as entries:
            below = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
        for path in below:
            _open_folders(path)


def swap(one: Path, other: Path) -> None:
    """Let two folders of one disk change names: in one step where the system can, so that none is ever missing."""
    if _exchange(one, other):
        return
    aside = one.with_name(f"{one.name}.{uuid4().hex}")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def _exchange(one: Path, other: Path) -> bool:
    import ctypes  # most commands swap nothing

    rename = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    return rename is not None and rename(AT_FDCWD, bytes(one), AT_FDCWD, bytes(other), RENAME_EXCHANGE) == 0


def read_json(path: Path, what: str, hint: str) -> Mapping[str, Any]:
    """Return the mapping in a JSON file of ours. Raises StateCorrupted when it holds anything else."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StateCorrupted(f"{what} cannot be read: {path}", str(error), hint) from error
    if not isinstance(plain, dict):
        raise StateCorrupted(f"{what} is not what was written: {path}", "It holds no JSON object.", hint)
    return plain
