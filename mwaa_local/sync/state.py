"""What the last sync left, in a private folder of the project: from where, which files are ours, and its lock.

source.json     the bucket and the path in it; there is none where the DAGs folder is the user's own
files.json      what is known of each file that came from the bucket
remarks.json    what there is to tell of the last sync
changed.json    when a sync last changed the folder, and how much of it
incoming/       files that are not whole yet
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mwaa_local import flock
from mwaa_local.console import duration
from mwaa_local.errors import StateCorrupted, disk_error
from mwaa_local.files import read_json, remove_tree, write_changed, write_private
from mwaa_local.project import Project
from mwaa_local.remarks import Remark, load_remarks, save_remarks
from mwaa_local.sync.plan import Known, Stamp

FOLDER = "sync"  # below the state folder
SOURCE_NAME, FILES_NAME, INCOMING_NAME, LOCK_NAME = "source.json", "files.json", "incoming", "sync.lock"
CHANGED_NAME = "changed.json"
HINT = "remove the file; then files that are equal to their objects count as synced, and others as their user's"


@dataclass(frozen=True)
class Source:
    """Where an environment's DAGs come from."""

    bucket: str  # its name
    path: str  # DagS3Path

    @property
    def place(self) -> str:
        return f"s3://{self.bucket}/{self.path.strip('/')}"


@dataclass(frozen=True)
class LastChange:
    """The last sync that changed something: when, in seconds since 1970, and how many files."""

    at: float
    written: int
    deleted: int

    def line(self, now: float) -> str:
        files = "file" if self.written == 1 else "files"
        did = f"{self.written} {files} written, {self.deleted} deleted"
        return f"last sync with changes {duration(now - self.at)} ago: {did}"


class SyncState:
    """The folder of one project's sync."""

    def __init__(self, project: Project) -> None:
        self.path = project.state_dir / FOLDER
        self.dags_dir = project.dags_dir

    @property
    def source(self) -> Source | None:
        """Where the DAGs come from; None for a DAGs folder that is the user's own. Raises StateCorrupted."""
        path = self.path / SOURCE_NAME
        if not path.exists():
            return None
        plain = read_json(path, "where the DAGs come from", "update the environment, or remove the file")
        try:
            return Source(str(plain["bucket"]), str(plain["path"]))
        except KeyError as error:
            raise StateCorrupted(f"where the DAGs come from is not what was written: {path}", str(error)) from error

    def comes_from(self, source: Source) -> None:
        """Note where the DAGs come from. Raises DiskFull."""
        write_changed(self.path / SOURCE_NAME, json.dumps({"bucket": source.bucket, "path": source.path}))

    def load(self) -> dict[str, Known]:
        """Return what is known of files that came from the bucket, by their paths. Raises StateCorrupted."""
        path = self.path / FILES_NAME
        if not path.exists():
            return {}
        plain = read_json(path, "the list of synced files", HINT)
        try:
            return {name: _known(*fields) for name, fields in plain.items()}
        except (TypeError, ValueError) as error:
            what = f"the list of synced files is not what was written: {path}"
            raise StateCorrupted(what, str(error), HINT) from error

    def save(self, known: Mapping[str, Known]) -> None:
        """Note what is known of them. Raises DiskFull."""
        plain = {name: _plain(one) for name, one in known.items()}
        write_private(self.path / FILES_NAME, json.dumps(plain, separators=(",", ":")))

    @property
    def last_change(self) -> LastChange | None:
        """The last sync that changed something; None before the first one, and if what was noted cannot be read."""
        try:
            plain = read_json(self.path / CHANGED_NAME, "the last sync", "")
            return LastChange(float(plain["at"]), int(plain["written"]), int(plain["deleted"]))
        except (StateCorrupted, KeyError, TypeError, ValueError):  # only shown: nothing rests on it
            return None

    def changed(self, change: LastChange) -> None:
        """Note a sync that changed something. Raises DiskFull."""
        write_private(self.path / CHANGED_NAME, json.dumps(asdict(change)))

    @property
    def remarks(self) -> tuple[Remark, ...]:
        return tuple(load_remarks(self.path))

    def tell(self, remarks: Sequence[Remark]) -> bool:
        """Keep what there is to tell; return whether that is something new."""
        if tuple(remarks) == self.remarks:
            return False
        save_remarks(self.path, remarks)
        return bool(remarks)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Have the sync for oneself, waiting for whoever is at it. Raises DiskFull."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise disk_error(error, self.path) from error
        with flock.held(self.path / LOCK_NAME):
            yield

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Path]:
        """Have an empty folder for files that are not whole yet; it is gone afterwards."""
        folder = self.path / INCOMING_NAME
        remove_tree(folder)  # as somebody left it who was killed
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            remove_tree(folder, ignore_errors=True)


def _plain(known: Known) -> list[Any]:
    stamp = known.stamp
    return [known.etag, known.size, list(known.digests), stamp and [stamp.inode, stamp.mtime_ns, stamp.size]]


def _known(etag: str, size: int, digests: list[str], stamp: list[int] | None) -> Known:
    return Known(str(etag), int(size), tuple(map(str, digests)), Stamp(*map(int, stamp)) if stamp else None)
