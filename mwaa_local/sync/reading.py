"""A bucket as a sync reads it: the types, and the one protocol of all that can be read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mwaa_local.errors import MwaaLocalError
from mwaa_local.sync.names import Item

FILE_MODE = 0o644  # components in containers may be another user


class BucketUnreadable(MwaaLocalError):
    """The source bucket, or an object of it that the environment names, cannot be read."""


class BucketMissing(BucketUnreadable):
    """The source bucket does not exist."""


@dataclass(frozen=True)
class Listing:
    """What a bucket holds below a path. `mark` stays the same while nothing is written."""

    items: tuple[Item, ...]
    mark: str = ""
    is_versioned: bool = True
    is_closed: bool = True  # to the public


@dataclass(frozen=True)
class Fetched:
    """An object that was written to a file: what was fetched may be newer than what was listed."""

    etag: str
    size: int
    digest: str  # MD5


class ReadableBucket(Protocol):
    """A bucket, read only."""

    def listing(self, prefix: str, mark: str = "") -> Listing | None:
        """Return what is below a prefix; None where it is as it was at that mark. Raises BucketUnreadable."""

    def fetch(self, items: Mapping[Path, Item]) -> Iterator[tuple[Path, Fetched]]:
        """Write objects to files, and yield those; an object that is gone meanwhile is passed over.

        Raises BucketUnreadable.
        """


def write(path: Path, pieces: Iterable[bytes]) -> str:
    """Write a new file; return the MD5 of what is in it. Raises OSError."""
    digest = hashlib.md5(usedforsecurity=False)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(fd, "wb") as file:
        os.fchmod(fd, FILE_MODE)  # whatever the umask
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
    return digest.hexdigest()
