"""A log's file, and those that were put aside when it was full: opened, and told apart.

A name goes to a new file, and a file that is removed leaves its inode to the next one. So a file is known by its
inode together with how it begins, which in a log is a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

KNOWN_BYTES = 64  # of a file's beginning: more than a time in microseconds


def beginning(file: BinaryIO, most: int = KNOWN_BYTES) -> str:
    """Return how a file begins, a character for each byte."""
    return os.pread(file.fileno(), min(most, KNOWN_BYTES), 0).decode("latin-1")


def is_same(file: BinaryIO, inode: int, offset: int, begins: str) -> bool:
    """Say whether that is the file of which `offset` bytes were read."""
    about = os.fstat(file.fileno())
    return about.st_ino == inode and about.st_size >= offset and beginning(file, len(begins)) == begins


@contextmanager
def with_older(path: Path) -> Iterator[list[BinaryIO]]:
    """Open the file and those put aside, as `path.1` and so on; the oldest comes first.

    A file may be put aside meanwhile. What is open is not removed, and its inode is nobody else's: so `path.1` is
    opened before the file, and again after it.
    """
    with ExitStack() as stack:
        first = _open(stack, _put_aside(path, 1))
        found = [_open(stack, path)]
        while (older := _open(stack, _put_aside(path, len(found)))) is not None:
            found.append(older)
        newest_first = {os.fstat(file.fileno()).st_ino: file for file in (*found, first) if file is not None}
        yield list(newest_first.values())[::-1]


def _put_aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _open(stack: ExitStack, path: Path) -> BinaryIO | None:
    try:
        return stack.enter_context(path.open("rb"))
    except OSError:
        return None
