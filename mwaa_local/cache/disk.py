"""Sizes of folders: links are never followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

BLOCK_BYTES = 512  # what st_blocks counts, on every system


@dataclass
class Usage:
    """The disk space that trees take. A file with several names counts once, in the tree added first."""

    _names: dict[tuple[int, int], list[int]] = field(default_factory=dict)  # inode -> names seen, names in all, bytes

    def add(self, paths: Iterable[Path]) -> int:
        """Return what these take in addition to what was added before."""
        added = 0
        for path in paths:
            for about in _files(path):
                known = self._names.get((about.st_dev, about.st_ino))
                if known is not None:
                    known[0] += 1
                    continue
                size = about.st_blocks * BLOCK_BYTES
                links = 1 if stat.S_ISDIR(about.st_mode) else about.st_nlink
                self._names[about.st_dev, about.st_ino] = [1, links, size]
                added += size
        return added

    @property
    def freed_bytes(self) -> int:
        """What removing everything added would free; a file that has names elsewhere frees nothing."""
        return sum(size for seen, links, size in self._names.values() if seen >= links)


def has_folder_of_another(path: Path, uid: int) -> bool:
    """Whether a folder in the tree, its top included, belongs to somebody else."""
    return any(stat.S_ISDIR(about.st_mode) and about.st_uid != uid for about in _files(path))


def _files(path: Path) -> Iterator[os.stat_result]:
    """Yield what the system says of everything in a tree; what vanishes or may not be read is left out."""
    try:
        about = path.stat(follow_symlinks=False)
        yield about
        if not stat.S_ISDIR(about.st_mode):
            return
        pending = [str(path)]
    except OSError:
        return
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    try:
                        about = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    yield about
                    if stat.S_ISDIR(about.st_mode):
                        pending.append(entry.path)
        except OSError:
            continue
