"""Which log files may have news, found at a price that does not grow with all the runs that ever were.

A folder's time of change says whether a file was made or removed in it, not whether one grew. So folders in which
something happened lately are looked at in each round, with their files; all others take turns.
"""

from __future__ import annotations

import heapq
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

LATELY_S = 15 * 60.0
AT_ONCE = 300  # folders that are looked at in each round because of the latest changes in them
IN_TURN = 100  # of all others, in each round
TOP_LEVELS = 1  # folders that are always looked at: the root, and those of DAGs
NANOSECONDS = 10**9
SETTLED_S = 2.0  # a folder may get a second file within the same tick of its time of change


@dataclass(slots=True)
class _Folder:
    depth: int
    changed_ns: int = 0  # its time of change, when it was read last and that was settled
    active_s: float = 0.0  # when something happened in it
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Seen:
    """A file, as it was seen a moment ago."""

    path: str
    inode: int
    size: int
    changed_s: float


class Tree:
    """The folders below one, without links."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._folders: dict[str, _Folder] = {}
        self._top: set[str] = set()
        self._lately: set[str] = set()
        self._turn: list[str] = []

    def seen(self) -> Iterator[Seen]:
        """Yield the files of the folders whose turn it is: those with the latest changes, and some of the others."""
        now = time.time()
        if self._root not in self._folders:
            self._add(self._root, 0)
        due = self._due(now)
        while due:
            path = due.pop()
            folder = self._folders.get(path)
            if folder is not None:
                yield from self._look(path, folder, now, due)

    def _add(self, path: str, depth: int) -> None:
        self._folders[path] = _Folder(depth)
        if depth <= TOP_LEVELS:
            self._top.add(path)

    def _due(self, now: float) -> list[str]:
        self._lately = {path for path in self._lately if now - self._folders[path].active_s < LATELY_S}
        lately: Iterable[str] = self._lately
        if len(self._lately) > AT_ONCE:
            lately = heapq.nlargest(AT_ONCE, self._lately, key=lambda path: self._folders[path].active_s)
        if not self._turn:
            self._turn = list(self._folders)
        turn, self._turn = self._turn[-IN_TURN:], self._turn[:-IN_TURN]
        return list({*self._top, *lately, *turn})

    def _look(self, path: str, folder: _Folder, now: float, due: list[str]) -> Iterator[Seen]:
        try:
            changed_ns = os.lstat(path).st_mtime_ns
            if changed_ns != folder.changed_ns:
                self._read(path, folder, due)
                self._note(path, now if folder.changed_ns else max(folder.active_s, changed_ns / NANOSECONDS))
                folder.changed_ns = changed_ns if now - changed_ns / NANOSECONDS > SETTLED_S else 0
        except OSError:
            self._forget(path)
            return
        for name in folder.files:
            file = f"{path}/{name}"
            try:
                about = os.lstat(file)
            except OSError:
                continue
            if about.st_mtime > folder.active_s:
                self._note(path, about.st_mtime)
            yield Seen(file, about.st_ino, about.st_size, about.st_mtime)

    def _read(self, path: str, folder: _Folder, due: list[str]) -> None:
        files = []
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.path not in self._folders:
                        self._add(entry.path, folder.depth + 1)
                        due.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    files.append(entry.name)
        folder.files = files

    def _note(self, path: str, when: float) -> None:
        """Note that something happened in a folder, and so in those that it is in."""
        while (folder := self._folders.get(path)) is not None and when > folder.active_s:
            folder.active_s = when
            self._lately.add(path)
            path = path.rpartition("/")[0]

    def _forget(self, path: str) -> None:
        """Those below it are forgotten in their turn."""
        self._folders.pop(path, None)
        self._top.discard(path)
        self._lately.discard(path)
