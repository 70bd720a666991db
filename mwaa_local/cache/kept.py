"""How a module declares what it keeps outside of projects. It takes its own paths from the declaration.

So a path that is written is one that `mwaa-local cache` knows. Not for finding or removing anything: that is
`inventory` and `prune`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RELEASE = r"(?P<release>\d+\.\d+\.\d+)"
DIGEST_CHARACTERS = 12
DIGEST = rf"[0-9a-f]{{{DIGEST_CHARACTERS}}}"
# What Python's `tempfile` puts between prefix and suffix.
RANDOM = r"[a-z0-9_]{8}"


def _always(_path: Path) -> bool:
    return True


@dataclass(frozen=True)
class CacheKind:
    """One kind of file or folder below the cache folder.

    `pattern` matches a whole name. Its group `item` says which of them belong together, `release` for which Airflow.
    """

    kind: str
    folder: str  # below the cache folder; "" is that folder itself
    pattern: str
    is_ours: Callable[[Path], bool]  # by content: a name alone is no proof
    is_whole: Callable[[Path], bool] = _always  # else it was left by a command that was killed
    is_leftover: bool = False  # every one is, as soon as no command holds it
    goes_with: str = ""  # the kind with whose items of the same name these are used
    item: str = ""  # all of these are one item of that name

    def path(self, cache_dir: Path, name: str) -> Path:
        return cache_dir / self.folder / name

    def match(self, name: str) -> tuple[str, str] | None:
        """Return the item and the release that a name stands for; None for a name that is not ours."""
        found = re.fullmatch(self.pattern, name)
        if found is None:
            return None
        groups = found.groupdict()
        return self.item or groups.get("item") or name, groups.get("release") or ""


@dataclass(frozen=True)
class ImageKind:
    """One kind of Docker image. `is_ours` gets its configuration, as `docker image inspect` shows it, and the tag."""

    kind: str
    repository: str
    pattern: str  # of the tag, with the groups `release` and `key`
    is_ours: Callable[[Mapping[str, Any], str], bool]

    def match(self, tag: str) -> re.Match[str] | None:
        return re.fullmatch(self.pattern, tag)


@dataclass(frozen=True)
class VolumeKind:
    """One kind of Docker volume, by its name in docker-compose.yml. Data cannot be made again."""

    kind: str
    label: str
    is_data: bool


def is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def is_virtual_environment(path: Path) -> bool:
    """Whether it is one, or the empty beginning of one."""
    return is_folder(path) and (is_file(path / "pyvenv.cfg") or not any(path.iterdir()))


def begins_as_json(path: Path) -> bool:
    """Whether a file holds a JSON object, or as much of one as an interrupted command wrote."""
    if not is_file(path):
        return False
    with path.open("rb") as file:
        return file.read(2) in (b'{"', b"{}", b"{", b"")
