"""The record of a restore that goes on, in a private file of the project: what is restored into what, how far it is.

It is on the disk before the step that it names, and gone when the restore has ended. It stays for the next command
after a kill, where tidying up failed, and where an error came when the rows of the dump may be in.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

from mwaa_local.errors import StateCorrupted
from mwaa_local.files import read_json, sync_folder, write_surely
from mwaa_local.project import RESTORE_NAME, Project
from mwaa_local.runtime.choice import DOCKER, PROCESS

WHAT = "the record of a restore"
HINT = "remove the file, and run the restore again; the database is as it was, or as the dump is"

SCRATCH_PREFIX = "restoring-"  # of folders in .mwaa-local that hold a dump for the time of a restore
# The steps, in their order.
BESIDE = "beside"  # nothing of the environment is touched
REPLACING = "replacing"  # the environment is stopped; the database is as it was until the transaction is done
RUNTIMES = (DOCKER, PROCESS)


@dataclass(frozen=True)
class Record:
    """A restore that is not over."""

    source: str  # the name of the file
    version: str  # Airflow version whose database is replaced
    runtime: str  # one of RUNTIMES
    step: str = BESIDE
    before: str = ""  # the snapshot of what was there, once it is taken; "" also where there was nothing
    is_new: bool = False  # whether the database was made for this
    mark: str = ""  # what the transaction that replaces the rows leaves in the database, once all of them are loaded


def record_path(project: Project) -> Path:
    return project.state_dir / RESTORE_NAME


def load(project: Project) -> Record | None:
    """Return the record of a restore that is not over; None without one. Raises StateCorrupted."""
    path = record_path(project)
    if not path.exists():
        return None
    plain = read_json(path, WHAT, HINT)
    if problem := _problem(plain):
        raise StateCorrupted(f"{WHAT} is not what was written: {path}", problem, HINT)
    return Record(**plain)


def _problem(plain: Mapping[str, Any]) -> str:
    """Return what is wrong with a record, of which each value decides what is opened, or removed; "" for nothing."""
    from mwaa_local.release import Release  # most commands find no record

    kinds = get_type_hints(Record)
    if unknown := sorted(set(plain) ^ set(kinds)):
        return f"It lacks, or has too many: {', '.join(unknown)}."
    if wrong := [name for name, kind in kinds.items() if type(plain[name]) is not kind]:
        return f"{wrong[0]} is {plain[wrong[0]]!r}."
    allowed = {"version": Release.versions(), "runtime": RUNTIMES, "step": (BESIDE, REPLACING)}
    wrong = [name for name, values in allowed.items() if plain[name] not in values]
    return f"{wrong[0]} is {plain[wrong[0]]!r}." if wrong else ""


def remove(project: Project) -> None:
    """The restore is over."""
    record_path(project).unlink(missing_ok=True)
    sync_folder(project.state_dir)


class Recorder:
    """Has the record of one restore on the disk."""

    def __init__(self, project: Project, record: Record) -> None:
        self._project = project
        self._record = record
        self._is_tidy = True

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the record for the time of this. Raises DiskFull or AccessDenied, as `note` does.

        It stays after an error that leaves something for the next command: to tidy up, or to ask PostgreSQL.
        """
        self.note()
        try:
            yield
        except BaseException:
            if self._is_tidy and not self.may_be_in:
                remove(self._project)
            raise
        remove(self._project)

    @property
    def may_be_in(self) -> bool:
        """Whether the transaction that replaces the rows may be done: only PostgreSQL knows from there on."""
        return bool(self._record.mark)

    @contextlib.contextmanager
    def tidying(self) -> Iterator[None]:
        """Leave what is removed in this to the next command, where that fails or is interrupted."""
        self._is_tidy = False
        yield
        self._is_tidy = True

    def note(self, **changes: Any) -> None:
        """Have it on the disk, with these changes."""
        changed = replace(self._record, **changes)
        write_surely(record_path(self._project), json.dumps(asdict(changed), indent=1).encode())
        self._record = changed
