"""Snapshots: dumps of a project's metadata database that the project keeps, under names.

They lie in `.mwaa-local/snapshots/`, compressed, for this user alone. Nothing but `db forget` removes one, also not
`down --volumes`: each carries its own Fernet key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mwaa_local.database.dump import write_dump
from mwaa_local.database.dump_format import Head, read_head
from mwaa_local.database.progress import Tell, to_nobody
from mwaa_local.errors import DumpExists, DumpInvalid, FileMissing, MwaaLocalError, cannot_read, disk_error
from mwaa_local.project import Project

FOLDER = "snapshots"
SUFFIX = ".dump.gz"
# No dot and no slash: what has one is a file (`is_name`).
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
BEFORE_RESTORE = "before-restore-"


def is_name(word: str) -> bool:
    """Whether a word names a snapshot. With a dot or a slash in it, it names a file: `./name` is always one."""
    return NAME_PATTERN.fullmatch(word) is not None


@dataclass(frozen=True)
class Snapshot:
    """One snapshot; `problem` says why its head cannot be read."""

    name: str
    path: Path
    size_bytes: int
    made: float  # epoch seconds
    head: Head | None
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        head = self.head
        return {
            "name": self.name,
            "path": str(self.path),
            "size_bytes": self.size_bytes,
            "made": datetime.fromtimestamp(self.made).astimezone().isoformat(timespec="seconds"),
            "airflow_version": head.airflow_version if head else None,
            "dag_runs": head.rows_of("dag_run") if head else None,
            "rows": head.rows if head else None,
            "problem": self.problem or None,
        }


class Snapshots:
    """The snapshots of one project. Who changes something holds the project (`Workspace.exclusive`)."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.folder = project.state_dir / FOLDER

    def path(self, name: str) -> Path:
        """Return where a snapshot is, or would be. Raises DumpInvalid for what cannot be a name."""
        if not is_name(name):
            raise DumpInvalid(
                f"a snapshot cannot be called {name!r}",
                "A name has letters, digits, `-` and `_`, at most 100, and begins with a letter or a digit.",
                "choose another name, or leave it out: then the time is the name",
            )
        return self.folder / f"{name}{SUFFIX}"

    def existing(self, name: str) -> Path:
        """Return where a snapshot is. Raises FileMissing, naming those that there are."""
        path = self.path(name)
        if not path.is_file():
            names = ", ".join(sorted(item.name for item in self.all())) or "none"
            raise FileMissing(
                f"there is no snapshot {name}",
                f"This project has: {names}.",
                f"`mwaa-local db list` shows them; a file of that name is written ./{name}",
            )
        return path

    def all(self) -> tuple[Snapshot, ...]:
        """Return every snapshot, the oldest first. Raises AccessDenied for those of somebody else."""
        try:
            paths = [path for path in self.folder.iterdir() if is_name(path.name.removesuffix(SUFFIX))]
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise cannot_read(self.folder, error) from error
        paths = [path for path in paths if path.name.endswith(SUFFIX)]
        found = [self._read(path) for path in paths if path.exists()]
        return tuple(sorted(found, key=lambda item: (item.made, item.name)))

    def take(self, name: str, url: str, *, airflow_version: str, fernet_key: str, tell: Tell = to_nobody) -> Snapshot:
        """Make one of the database at that URL. Raises DumpExists where the name is taken, and what a dump raises."""
        path = self.path(name)
        if path.exists():
            raise DumpExists(
                f"there is a snapshot {name} already",
                "A snapshot is never replaced.",
                f"choose another name, or remove it: mwaa-local db forget {name}",
            )
        self._project.make_state_dir()
        try:
            self.folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise disk_error(error, self.folder) from error
        write_dump(url, path, airflow_version=airflow_version, fernet_key=fernet_key, tell=tell)
        return self._read(path)

    def forget(self, name: str) -> None:
        """Remove one. Raises FileMissing."""
        self.existing(name).unlink()

    def free_name(self, prefix: str, now: datetime) -> str:
        """Return a name after the time that is not taken: `before-restore-2026-11-30-154500`."""
        stem = f"{prefix}{now:%Y-%m-%d-%H%M%S}"
        names = (stem, *(f"{stem}-{number}" for number in range(2, 1000)))
        return next(name for name in names if not self.path(name).exists())

    def _read(self, path: Path) -> Snapshot:
        found, name = path.stat(), path.name.removesuffix(SUFFIX)
        try:
            return Snapshot(name, path, found.st_size, found.st_mtime, read_head(path))
        except MwaaLocalError as error:
            return Snapshot(name, path, found.st_size, found.st_mtime, None, error.why or error.what)
