"""Registry: the environments that one API serves: a project's own and those made for it, or all of a folder."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.adopted import adopted
from mwaa_local.api.environments.faults import Faults
from mwaa_local.api.environments.members import TAGS, described, kept
from mwaa_local.api.environments.prerequisites import refuse_unfit
from mwaa_local.api.environments.record import LEFT_BEHIND, UNFINISHED, Operation, Record, record_path
from mwaa_local.api.environments.resume import Resume
from mwaa_local.api.environments.served import Served
from mwaa_local.api.environments.status import Looks
from mwaa_local.api.environments.worker import start_worker, take_lock
from mwaa_local.api.http.errors import INTERNAL, VALIDATION, not_found, ours
from mwaa_local.errors import MwaaLocalError, StateCorrupted, disk_error
from mwaa_local.files import remove_tree
from mwaa_local.local_aws import endpoint_for
from mwaa_local.project import MARK_VARIABLE, STATE_DIR, Project

MADE_DIR = "environments"  # below the state folder of the project for which environments are made
UNFINISHED_S = 60.0  # after which nobody is about to finish it


class Registry:
    """The environments of a folder, each in a project folder below it, and a project's own if there is one.

    Methods are called from several threads and several processes at once; locks of the disk keep these apart.
    """

    def __init__(self, folder: Path, env: Mapping[str, str], own: Project | None = None) -> None:
        self.folder = folder
        self.own = own
        # The mark stands for components, which are looked for and ended by it; what works for the API is none.
        self.env = {name: value for name, value in env.items() if name != MARK_VARIABLE}
        self.looks = Looks(self.env)
        self.faults = Faults.of(self.home)
        self._resume = Resume(self.env)
        self._records: dict[Path, tuple[tuple[int, int], Record]] = {}

    @classmethod
    def of_project(cls, project: Project, env: Mapping[str, str]) -> Registry:
        """Return the registry of a project: its own environment, and those that are made in its state folder."""
        return cls(project.state_dir / MADE_DIR, env, project)

    @classmethod
    def of_folder(cls, folder: Path, env: Mapping[str, str]) -> Registry:
        """Return the registry of all projects of a folder; environments are made there, too."""
        return cls(folder, env)

    @property
    def home(self) -> Project:
        """The project, or the folder in its place, in whose state folder is what holds for all environments."""
        return self.own or Project(self.folder)

    def names(self) -> list[str]:
        """Return the names of all environments, sorted."""
        return sorted({record.name for _, record in self._all()})

    def find(self, name: str) -> Served:
        """Return the environment of that name. Raises ServiceError when there is none."""
        for project, record in self._all():
            if record.name == name:
                if record.operation is not None:
                    self._resume(project, record)
                current = self._record(project)
                if current is not None:
                    return Served(self, project, current)
        raise not_found(name)

    def all(self) -> list[Served]:
        """Return all environments, the project's own first, and begin nothing again."""
        return [Served(self, project, record) for project, record in self._all()]

    def create(self, members: Mapping[str, Any]) -> None:
        """Begin to make an environment. Raises ServiceError for a name that is taken, or members that break rules."""
        from mwaa_local.api.environments import environment_file  # no reader pays for the environment's model

        wanted = described(members)
        name = wanted.name
        self._refuse_taken(name)
        refuse_unfit(self.home, self.env, members)
        tags = dict(members.get(TAGS) or {})
        operation = Operation.new(records.CREATE, {})
        record = Record(name, records.BY_API, operation.began, kept(wanted), tags, operation=operation)
        try:
            local = environment_file.inherited(self.own, endpoint_for(Project(self.folder / name), self.env))
            record = record.with_event("CreateEnvironment was accepted")
            project, lock = self._make_folder(
                record, lambda part: environment_file.write(part, name, record.members, tags, local)
            )
        except OSError as error:
            known = disk_error(error, self.folder)
            if isinstance(known, MwaaLocalError):
                raise ours(INTERNAL, f"{known.what}; {known.hint}") from error
            raise
        start_worker(project, lock, self.env)

    def resume(self) -> None:
        """Begin again what nobody works on though it is not done, and remove what was left behind."""
        for project, record in self._all():
            if record.operation is not None:
                self._resume(project, record)
        for path in self._children():
            if LEFT_BEHIND.fullmatch(path.name):
                self._sweep(path)

    def _make_folder(self, record: Record, fill: Callable[[Project], None]) -> tuple[Project, int]:
        """Make the environment's folder with the record in it, in one step; return it and the operation's lock."""
        name = record.name
        self.folder.mkdir(parents=True, exist_ok=True)
        part = Project(self.folder / f"{UNFINISHED}{uuid4().hex}")
        part.root_dir.mkdir(mode=0o700)
        part.make_state_dir()
        fill(part)
        records.save(part, record)
        lock = take_lock(part)
        assert lock is not None  # nobody else knows the folder
        target = self.folder / name
        try:
            if target.exists():
                raise FileExistsError(target)
            part.root_dir.rename(target)  # fails where somebody was quicker: then the folder is not empty
        except OSError as error:
            remove_tree(part.root_dir, ignore_errors=True)
            self._refuse_taken(name)
            raise ours(VALIDATION, f"cannot create {name}: {target} exists and is no environment") from error
        return Project(target), lock

    def _refuse_taken(self, name: str) -> None:
        with contextlib.suppress(KeyError):
            taken = {record.name: (project, record) for project, record in self._all()}[name]
            status = Served(self, *taken).status
            raise ours(VALIDATION, f"an environment named {name} exists already and is {status}")

    def _all(self) -> Iterator[tuple[Project, Record]]:
        for project in self.projects():
            with contextlib.suppress(StateCorrupted):  # `mwaa-local status` there tells its user
                record = self._record(project)
                if record is not None:
                    yield project, record

    def projects(self) -> Iterator[Project]:
        """Yield the projects in which there are environments, or may be."""
        if self.own is not None:
            yield self.own
        for path in self._children():
            if not path.name.startswith(".") and (path / STATE_DIR).is_dir():
                yield Project(path)

    def _children(self) -> list[Path]:
        try:
            return sorted(self.folder.iterdir())
        except OSError:
            return []

    def _record(self, project: Project) -> Record | None:
        """Return the project's record, read anew only when it was written since."""
        path = record_path(project)
        try:
            about = path.stat()
        except OSError:
            self._records.pop(path, None)
            return adopted(project, self.env)
        stamp = (about.st_ino, about.st_mtime_ns)
        known = self._records.get(path)
        if known is None or known[0] != stamp:
            record = records.load(project)
            if record is None:
                return None
            known = self._records[path] = (stamp, record)
            self.looks.forget(project)
        return known[1]

    def _sweep(self, path: Path) -> None:
        """Remove a folder that somebody who was killed was making or removing: one with our state folder, or empty."""
        with contextlib.suppress(OSError):
            if path.name.startswith(UNFINISHED) and time.time() < path.stat().st_mtime + UNFINISHED_S:
                return
            project = Project(path)
            if path.is_symlink() or not (project.state_dir.is_dir() or not any(path.iterdir())):
                return
            lock = take_lock(project) if record_path(project).exists() else None
            if lock is None and record_path(project).exists():  # its worker removes it
                return
            remove_tree(path, ignore_errors=True)
            if lock is not None:
                os.close(lock)
