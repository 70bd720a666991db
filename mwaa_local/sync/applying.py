"""A plan, carried out.

All is fetched before anything changes: a bucket that goes away meanwhile leaves the folder as it was, and a DAG and the
modules that it imports come together. Whoever is killed leaves whole files and a list that knows of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.errors import disk_error
from mwaa_local.sync.folder import DagsFolder
from mwaa_local.sync.plan import Get, Known, Left, SyncPlan
from mwaa_local.sync.reading import Fetched, ReadableBucket
from mwaa_local.sync.state import SyncState

MEANWHILE = "it was changed here while the sync went on"


@dataclass(frozen=True)
class Synced:
    """What one sync did."""

    plan: SyncPlan
    written: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    seconds: float = 0.0

    @property
    def is_nothing(self) -> bool:
        return not self.written and not self.deleted


def apply(
    plan: SyncPlan, known: Mapping[str, Known], state: SyncState, folder: DagsFolder, bucket: ReadableBucket
) -> Synced:
    """Carry a plan out; `known` is what the last sync left. Raises BucketUnreadable and DiskFull."""
    if plan.is_nothing:
        if plan.kept != known:
            state.save(plan.kept)
        return Synced(plan, left=plan.left)
    with state.incoming() as incoming:
        try:
            fetched = _fetch(plan, incoming, bucket)
            state.save({**known, **_underway(known, fetched), **plan.kept})
            left, gone = _delete(plan, folder)
            put, more = _put(fetched, folder)
        except OSError as error:
            raise disk_error(error, folder.path) from error
    touched = {get.name for get in plan.gets} | {delete.name for delete in plan.deletes}
    former = {name: one for name, one in known.items() if name in touched and name not in gone}
    state.save({**plan.kept, **former, **put})
    return Synced(plan, tuple(put), tuple(gone), (*plan.left, *left, *more))


class _Arrived:
    """An object that is in a file of its own, and what it is for."""

    def __init__(self, get: Get, path: Path, fetched: Fetched) -> None:
        self.get, self.path, self.fetched = get, path, fetched


def _fetch(plan: SyncPlan, incoming: Path, bucket: ReadableBucket) -> list[_Arrived]:
    """Fetch all; what is gone meanwhile is not among them, and the next sync sees that."""
    gets = {incoming / str(number): get for number, get in enumerate(plan.gets)}
    items = {path: get.item for path, get in gets.items()}
    return [_Arrived(gets[path], path, fetched) for path, fetched in bucket.fetch(items)]


def _underway(known: Mapping[str, Known], arrived: list[_Arrived]) -> dict[str, Known]:
    """Return what is known of files while they are replaced: the old ones and the new ones are ours."""
    found = {}
    for one in arrived:
        before = known.get(one.get.name)
        digests = (*(before.digests if before else ()), one.fetched.digest)
        found[one.get.name] = Known("", 0, digests, one.get.replaced)
    return found


def _delete(plan: SyncPlan, folder: DagsFolder) -> tuple[list[Left], list[str]]:
    """Return which files stay, and which are gone."""
    left, gone = [], []
    for delete in plan.deletes:
        try:
            is_gone, why = folder.delete(delete), MEANWHILE
        except PermissionError as error:
            is_gone, why = False, _not_ours(error)
        if is_gone:
            gone.append(delete.name)
        else:
            left.append(Left(delete.name, why))
    return left, gone


def _put(arrived: list[_Arrived], folder: DagsFolder) -> tuple[dict[str, Known], list[Left]]:
    """Return what is known of the files that are in their places, and which are not, and why."""
    put: dict[str, Known] = {}
    left = []
    for one in sorted(arrived, key=lambda one: one.get.name):
        try:
            stamp, why = folder.put(one.path, one.get), MEANWHILE
        except PermissionError as error:
            stamp, why = None, _not_ours(error)
        if stamp is None:
            left.append(Left(one.get.name, why))
        else:
            put[one.get.name] = Known(one.fetched.etag, one.fetched.size, (one.fetched.digest,), stamp)
    return put, left


def _not_ours(error: PermissionError) -> str:
    return f"the system does not let it be changed: {error.strerror}"
