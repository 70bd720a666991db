"""What a sync has to do: the bucket, what the last sync left, and what is in the folder, compared. Pure.

The bucket rules over what came from it. A file of anybody else stays: one that was put into the folder, and one that
came from the bucket and was changed since, whatever becomes of its object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mwaa_local.sync.names import Item, Skipped, parents

NEW, CHANGED, MISSING = "new", "changed", "missing"  # why an object is fetched
EDITED = "it was changed here since it came from the bucket"
EDITED_GONE = "it was changed here since it came from the bucket, which has it no more"
FOREIGN = "a file that is not from the bucket is in its place"
LINK = "a link, or something else that is no plain file, is in its place or leads to it"
CLOSED = "it is in a folder that the launcher is not allowed to read"
FOLDER = "a folder that is not from the bucket is in its place"
FILE_ABOVE = "a file that is not from the bucket is where its folder would be"


@dataclass(frozen=True)
class Stamp:
    """A file as it is seen without being read: as long as it stays the same, so did the file."""

    inode: int
    mtime_ns: int
    size: int


@dataclass(frozen=True)
class Known:
    """A file that is ours: the object that it is a copy of, and how it was left.

    `digests` (MD5, hexadecimal) are of its content; several while it is being replaced. `etag` is "" then.
    """

    etag: str
    size: int
    digests: tuple[str, ...]
    stamp: Stamp | None


@dataclass(frozen=True)
class Seen:
    """What is in the folder, by paths. `folders` have their own stamps, the folder itself as ""."""

    files: Mapping[str, Stamp] = field(default_factory=dict)
    folders: Mapping[str, Stamp] = field(default_factory=dict)
    others: frozenset[str] = frozenset()  # links, sockets and so on
    closed: frozenset[str] = frozenset()  # folders that may not be read


@dataclass(frozen=True)
class Get:
    """An object to fetch, and the file that it replaces, if any."""

    name: str
    item: Item
    reason: str
    replaced: Stamp | None = None


@dataclass(frozen=True)
class Delete:
    """A file of ours whose object is gone."""

    name: str
    stamp: Stamp


@dataclass(frozen=True)
class Left:
    """A file that stays as it is, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class SyncPlan:
    """What is to be done. `kept` is what is known of files to which nothing is done."""

    gets: tuple[Get, ...]
    deletes: tuple[Delete, ...]
    left: tuple[Left, ...]
    skipped: tuple[Skipped, ...]
    kept: Mapping[str, Known]

    @property
    def is_nothing(self) -> bool:
        return not self.gets and not self.deletes


Digest = Callable[[str], str]  # path of a file -> MD5 of its content; "" where it cannot be read


def make_plan(
    files: Mapping[str, Item],
    skipped: tuple[Skipped, ...],
    known: Mapping[str, Known],
    seen: Seen,
    digest: Digest,
) -> SyncPlan:
    """Compare bucket and folder; files whose stamps have changed are read by `digest`."""
    judge = _Judge(known, seen, digest)
    deletes, left = judge.gone(files)
    gets: list[Get] = []
    kept = {one.name: known[one.name] for one in left if one.why == CLOSED}
    in_the_way = _InTheWay(seen, frozenset(delete.name for delete in deletes))
    for name, item in sorted(files.items()):
        verdict = judge.present(name, item, in_the_way)
        if isinstance(verdict, Get):
            gets.append(verdict)
        elif isinstance(verdict, Left):
            left.append(verdict)
            kept |= {name: known[name]} if name in known else {}
        else:
            kept[name] = verdict
    return SyncPlan(tuple(gets), tuple(deletes), tuple(left), skipped, kept)


class _InTheWay:
    """Why a file cannot be put to a path, after what is ours and gone was removed."""

    def __init__(self, seen: Seen, deleted: frozenset[str]) -> None:
        self._seen = seen
        self._files = seen.files.keys() - deleted
        not_empty = {
            parent for name in (*seen.files, *seen.others, *seen.closed, *seen.folders) for parent in parents(name)
        }
        empty = seen.folders.keys() - not_empty - {""}
        filled = (*self._files, *seen.others, *seen.closed, *empty)
        self._folders = {parent for name in filled for parent in parents(name)} | empty

    def of(self, name: str) -> str:
        above = parents(name)
        if not self._seen.closed.isdisjoint((name, *above)):
            return CLOSED
        if name in self._seen.others or not self._seen.others.isdisjoint(above):
            return LINK
        if not self._files.isdisjoint(above):
            return FILE_ABOVE
        return FOLDER if name in self._folders else ""


class _Judge:
    def __init__(self, known: Mapping[str, Known], seen: Seen, digest: Digest) -> None:
        self._known = known
        self._seen = seen
        self._digest = digest

    def gone(self, files: Mapping[str, Item]) -> tuple[list[Delete], list[Left]]:
        """Return what to delete of what the bucket has no more, and what of it stays."""
        deletes, left = [], []
        for name in sorted(self._known.keys() - files.keys()):
            stamp = self._seen.files.get(name)
            if stamp is None:
                if not self._seen.closed.isdisjoint(parents(name)):
                    left.append(Left(name, CLOSED))
                continue
            if self._is_as_left(name, stamp, self._known[name]):
                deletes.append(Delete(name, stamp))
            else:
                left.append(Left(name, EDITED_GONE))
        return deletes, left

    def present(self, name: str, item: Item, in_the_way: _InTheWay) -> Get | Left | Known:
        """Return what becomes of an object's file; Known where it is equal already."""
        known, stamp = self._known.get(name), self._seen.files.get(name)
        if why := in_the_way.of(name):
            return Left(name, why)
        if stamp is None:
            return Get(name, item, MISSING if known else NEW)
        if known is not None and self._is_as_left(name, stamp, known):
            if (known.etag, known.size) == (item.etag, item.size):
                return Known(known.etag, known.size, known.digests, stamp)
            return Get(name, item, CHANGED, stamp)
        found = self._digest(name)
        if (found, stamp.size) == (item.etag, item.size):  # also a copy that an interrupted sync has put there
            return Known(item.etag, item.size, (found,), stamp)
        return Left(name, EDITED if known else FOREIGN)

    def _is_as_left(self, name: str, stamp: Stamp, known: Known) -> bool:
        return stamp == known.stamp or self._digest(name) in known.digests
