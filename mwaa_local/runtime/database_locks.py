"""Which command has which database of a project, so that what a killed one left is told from what is being made."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

from mwaa_local import flock
from mwaa_local.errors import disk_error
from mwaa_local.project import Project
from mwaa_local.runtime.databases import is_open

SUFFIX = ".lock"


class DatabaseLocks:
    """Lock files in the run folder of a project; `kind` tells those of one runtime from the other's."""

    def __init__(self, project: Project, kind: str) -> None:
        self._project = project
        self._prefix = f"{kind}-database-"

    @property
    def were_used(self) -> bool:
        """Whether any command ever had a database of this project."""
        return any(self._project.run_dir.glob(f"{self._prefix}*{SUFFIX}"))

    @contextlib.contextmanager
    def held(self, version: str) -> Iterator[None]:
        """Be the only command that has this database. Raises DatabaseInUse where another one has it."""
        self._project.make_state_dir()
        try:
            self._project.run_dir.mkdir(exist_ok=True, mode=0o700)
            lock = self._take(version)
        except OSError as error:
            raise disk_error(error, self._project.run_dir) from error
        if lock is None:
            raise is_open(version)
        try:
            yield
        finally:
            os.close(lock)

    def if_nobody_has(self, version: str, held: str, action: Callable[[], object]) -> None:
        """Do something to a database that no command has, but for this one, which has `held`."""
        if version == held:
            action()
            return
        lock = self._take(version)
        if lock is None:
            return
        try:
            action()
        finally:
            os.close(lock)

    def _take(self, version: str) -> int | None:
        return flock.take(self._project.run_dir / f"{self._prefix}{version}{SUFFIX}")
