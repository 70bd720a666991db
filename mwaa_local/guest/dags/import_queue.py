"""Inside a release's interpreter: the order in which DAG files are imported, and which of them in one process.

Runs on Python 3.7 too.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

# Of files that share a process. With 8, what a fork costs is an eighth of the whole; with more, one that is not plain
# after all sends more of them back.
SHARED = 16


class Turn:
    """Files, as number and path, that one process imports in this order; `begun` is when the first of them was."""

    def __init__(self, files: list[tuple[int, str]]) -> None:
        self.files = files
        self.done = 0
        self.begun = time.monotonic()

    def next(self) -> tuple[int, str]:
        """Take the first file, which is done."""
        self.done += 1
        self.begun = time.monotonic()
        return self.files.pop(0)


class Queue:
    """What is still to be imported. Files that have a process of their own come first: they take longer."""

    def __init__(self, paths: Iterable[str], plain: Iterable[str], jobs: int) -> None:
        sharing = set(plain)
        files = list(enumerate(paths))
        self._alone = [file for file in files if file[1] not in sharing]
        self._plain = [file for file in files if file[1] in sharing]
        self._jobs = jobs

    def __bool__(self) -> bool:
        return bool(self._alone or self._plain)

    def turn(self) -> Turn:
        """Return the next process's files: in the end fewer, so that all processes have something to do."""
        if self._alone:
            return Turn([self._alone.pop(0)])
        count = max(1, min(SHARED, len(self._plain) // self._jobs))
        files, self._plain = self._plain[:count], self._plain[count:]
        return Turn(files)

    def back(self, files: list[tuple[int, str]]) -> None:
        """Take files back that their process has not begun."""
        self._plain[:0] = files

    def alone(self, file: tuple[int, str]) -> None:
        """Take a file back that is to have a process of its own."""
        self._alone.append(file)
