"""Locks between the commands that use, build and remove what is kept outside of projects.

A builder holds a lock file beside what it builds; a user holds the folder itself, shared, to the end of its process;
whoever removes it needs both, exclusively. The kernel releases the locks of a process that dies.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from mwaa_local import flock

TRIES = 100  # to make the file where others remove its folder at the same time
_held: dict[str, int] = {}  # by path, so that a process holds each once


def lock_path(path: Path) -> Path:
    """Return the lock file of what is built at `path`."""
    return path.with_name(f"{path.name}.lock")


@contextlib.contextmanager
def taken(path: Path, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold a lock file exclusively, waiting for its holder. Raises OSError if it cannot be made."""
    tries = TRIES
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:  # another command has just removed the empty folder
            tries -= 1
            if tries == 0:
                raise
            continue
        try:
            if not flock.attempt(fd):
                if on_wait:
                    on_wait()
                flock.wait(fd)
            if is_at(fd, path):  # else its holder removed it, and the next one locks another file
                yield
                return
        finally:
            os.close(fd)


@contextlib.contextmanager
def alone(path: Path, *, make: bool = False) -> Iterator[bool]:
    """Try to lock `path` exclusively, without waiting; yields whether that worked. `make` makes a lock file first."""
    how = os.O_RDWR | os.O_CREAT if make else os.O_RDONLY | os.O_NONBLOCK
    try:
        fd = os.open(path, how | os.O_NOFOLLOW, 0o600)
    except OSError:
        yield False
        return
    try:
        try:
            mine = flock.attempt(fd) and is_at(fd, path)
        except OSError:  # a file system that knows no such locks
            mine = False
        yield mine
    finally:
        os.close(fd)


def hold(folder: Path) -> bool:
    """Keep a folder from being removed until this process ends; return whether it is still there.

    Its modification time, which stands for its last use, becomes now.
    """
    key = str(folder)
    if key in _held and is_at(_held[key], folder):
        stamp(folder)
        return True
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    with contextlib.suppress(OSError):  # a file system without locks: then it is only less safe
        flock.wait(fd, shared=True)
    if not is_at(fd, folder):
        os.close(fd)
        return False
    if key in _held:
        os.close(_held.pop(key))
    _held[key] = fd
    stamp(folder)
    return True


def keep_beyond_exec() -> None:
    """Let the program that this process becomes go on holding what it holds."""
    for fd in _held.values():
        os.set_inheritable(fd, True)


def stamp(path: Path) -> None:
    """Record that something was used just now."""
    with contextlib.suppress(OSError):  # a cache that may only be read; then nobody removes anything there either
        os.utime(path)


def is_at(fd: int, path: Path) -> bool:
    """Whether the path still names the open file."""
    try:
        named, opened = path.stat(follow_symlinks=False), os.fstat(fd)
    except OSError:
        return False
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)
