"""A bucket in memory, and what a sync makes of it in a real folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from mwaa_local.project import Project
from mwaa_local.sync.names import Item
from mwaa_local.sync.reading import BucketUnreadable, Fetched, Listing, write
from mwaa_local.sync.state import Source
from mwaa_local.sync.syncing import DagsSync

PREFIX = "dags/"


class MemoryBucket:
    """Objects by their keys below `PREFIX`. `before_fetch` is called when all was listed and nothing fetched."""

    def __init__(self, objects: Mapping[str, bytes] | None = None) -> None:
        self.objects = dict(objects or {})
        self.asked = list[str]()
        self.before_fetch: Callable[[], None] = lambda: None

    @property
    def mark(self) -> str:
        return md5(repr(sorted(self.objects.items())).encode())

    def listing(self, prefix: str, mark: str = "") -> Listing | None:
        assert prefix == PREFIX
        self.asked.append("listing")
        if mark == self.mark:
            return None
        items = (Item(PREFIX + name, md5(body), len(body), "1") for name, body in self.objects.items())
        return Listing(tuple(items), self.mark)

    def fetch(self, items: Mapping[Path, Item]) -> Iterator[tuple[Path, Fetched]]:
        self.before_fetch()
        for path, item in items.items():
            self.asked.append(item.key)
            body = self.objects.get(item.key.removeprefix(PREFIX))
            if body is not None:
                yield path, Fetched(md5(body), len(body), write(path, [body]))


class TornBucket(MemoryBucket):
    """Goes away after its first object."""

    def fetch(self, items: Mapping[Path, Item]) -> Iterator[tuple[Path, Fetched]]:
        yield from ((path, fetched) for path, fetched in super().fetch(dict(list(items.items())[:1])))
        raise BucketUnreadable("gone")


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def sync_of(root_dir: Path, bucket: MemoryBucket) -> DagsSync:
    project = Project(root_dir)
    project.state_dir.mkdir(exist_ok=True)
    return DagsSync(project, Source("bucket", "/dags/"), bucket)


def held(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder: the content of files, and where links lead."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = b"-> " + str(path.readlink()).encode()
        elif path.is_file():
            found[name] = path.read_bytes()
    return found
