"""Brings a dump into a project's metadata database: stop, keep what is there, load, migrate, and only then replace.

The rows of another release come into a database beside, which that release's own migration makes and the target's
brings up to date. Whatever fails, and whoever is killed, the project's database is as before: what replaces it is one
transaction, and a snapshot of before is taken first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from packaging.version import Version

from mwaa_local.database.dump import write_dump
from mwaa_local.database.dump_format import Head
from mwaa_local.database.fernet import encrypt_anew
from mwaa_local.database.known_revisions import airflow_of
from mwaa_local.database.load import Loaded, load_dump
from mwaa_local.database.pg_dump import Kind, hand_over, replace_by_import
from mwaa_local.database.revision import revision
from mwaa_local.database.session import writing
from mwaa_local.database.snapshots import BEFORE_RESTORE, Snapshots
from mwaa_local.database.tables import read_tables
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import DumpRefused, MwaaLocalError
from mwaa_local.event import Event
from mwaa_local.lifecycle import Lifecycle
from mwaa_local.release import Release
from mwaa_local.runtime.process.servers import find_binaries
from mwaa_local.scratch import scratch_folder
from mwaa_local.secrets import end_sessions, load_secrets
from mwaa_local.wanted import Wanted
from mwaa_local.workspace import Workspace

BESIDE = "-restoring"  # of the name of the database beside
SCRATCH_PREFIX = "restoring-"  # of folders in .mwaa-local
ARROW = " → "


@dataclass(frozen=True)
class Asked:
    """What is to be restored, and how: see `db restore`. `head` is None for a dump that pg_dump made.

    `fernet_key` opens what such a dump holds, or what a dump of ours does in the place of the key that it carries.
    """

    path: Path
    head: Head | None
    kind: Kind = Kind.OURS
    fernet_key: str | None = None
    keep_unreadable: bool = False
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Restored:
    """What was restored. `way` are the releases whose migrations it went through, `before` is the snapshot of before.

    `unreadable` names the values that no key opens.
    """

    source: str  # Airflow version
    target: Release
    way: tuple[Release, ...]
    before: str
    rows: int
    unreadable: tuple[str, ...]


def way_between(source: Release, target: Release) -> tuple[Release, ...]:
    """Return the releases whose migrations lead from one schema to another, none where they have the same.

    As MWAA goes: to the next major version only through the newest release that leads there. Raises DumpRefused where
    no way leads, which is back, and out of Airflow 1.
    """
    if source.database_revision == target.database_revision:
        return ()
    versions = f"a database of Airflow {source.airflow_version} cannot come into Airflow {target.airflow_version}"
    if source.is_newer_than(target):
        raise DumpRefused(
            versions,
            "It has a newer schema, and what Airflow migrates forward it does not read backward.",
            f"set AirflowVersion: {source.airflow_version} in mwaa.yaml, restore, and go back by "
            f"`mwaa-local upgrade --to {target.airflow_version}`",
        )
    if source.major == target.major:
        return (target,)
    return _over_the_border(source.airflow_version, source.major, target)


def way_of_revision(revision: str, target: Release) -> tuple[str, tuple[Release, ...]]:
    """Return the Airflow version that brought a revision, and the releases whose migrations lead from there.

    Raises DumpRefused where no way leads there, and for a revision that no migration knows.
    """
    version = airflow_of(revision)
    if version is None:
        raise DumpRefused(
            f"the dump is of no Airflow that can be told: its revision is {revision or 'none'}",
            "No migration script of Airflow 2.11.2 or 3.3.1 has that revision.",
            "bring that Airflow to a released version, run `airflow db migrate` there, and dump again",
        )
    if revision == target.database_revision:
        return version, ()
    if not target.is_at_least(version):
        raise DumpRefused(
            f"a database of Airflow {version} or newer cannot come into Airflow {target.airflow_version}",
            "It has a newer schema, and what Airflow migrates forward it does not read backward.",
            "set AirflowVersion in mwaa.yaml to that version or a newer one; `mwaa-local releases` lists them",
        )
    major = Version(version).major
    return version, (target,) if major == target.major else _over_the_border(version, major, target)


def _over_the_border(version: str, major: int, target: Release) -> tuple[Release, ...]:
    through = target.previous_major_through
    between = [release for release in Release.all() if through and release.is_of(through)]
    if not between or between[-1].major != major:
        raise DumpRefused(
            f"a database of Airflow {version} cannot come into Airflow {target.airflow_version}",
            f"MWAA has no way from Airflow {major} to Airflow {target.major}, nor has mwaa-local.",
            "read connections and variables out of it with Airflow's own commands, and start with a new database",
        )
    return (target,) if between[-1].airflow_version == version else (between[-1], target)


@dataclass(frozen=True)
class _Ready:
    """What can be loaded into the project's own database, and how it came about. See `Restored`."""

    source: str
    way: tuple[Release, ...]
    asked: Asked
    unreadable: tuple[str, ...] = ()


def _of_this_project(asked: Asked, moved: Path) -> Asked:
    """Return what is left to do of what was asked, with all under this project's key already."""
    return replace(asked, path=moved, fernet_key=None)


class Restoring:
    """One restore into one project. Its caller holds the project (`Workspace.exclusive`)."""

    def __init__(
        self, workspace: Workspace, environment: Environment, lifecycle: Lifecycle, tell: Callable[[Event], None]
    ) -> None:
        self._workspace = workspace
        self._environment = environment
        self._lifecycle = lifecycle
        self._tell = tell
        self._project = workspace.project
        self._databases = lifecycle.runtime.databases
        self._target = workspace.release(environment)
        self._version = self._target.airflow_version

    def restore(self, asked: Asked) -> Restored:
        """Replace the rows of the project's database with those of a dump.

        What takes long and may fail comes first, beside; only then the environment is stopped. Raises DumpRefused,
        DumpInvalid, ValuesUnreadable, DiskFull, and what making and migrating a database raises.
        """
        with scratch_folder(SCRATCH_PREFIX, self._project.state_dir) as folder:
            ready = self._ready(asked, folder / "moved")
            was_running = self._lifecycle.down(now=True)
            try:
                before = self._keep_what_is_there()
                with self._databases.opened(self._version) as url:
                    loaded = self._load(url, ready.asked, self._end_what_was_of_before)
            except MwaaLocalError:
                if was_running:
                    self._tell(Event("environment", "stopped", detail="`mwaa-local up` starts it again"))
                raise
        unreadable = ready.unreadable or loaded.unreadable
        return Restored(ready.source, self._target, ready.way, before, loaded.rows, unreadable)

    def _ready(self, asked: Asked, moved: Path) -> _Ready:
        """Return what can be loaded into the project's own database: the dump itself, or what became of it beside."""
        if asked.head is None:
            return self._imported(asked, moved)
        source = Release.load(asked.head.airflow_version)
        way = way_between(source, self._target)
        if not way:
            return _Ready(source.airflow_version, way, asked)
        with self._beside(source) as (name, url):
            loaded = self._load(url, asked)
            self._done(f"loaded {loaded.rows} rows of Airflow {source.airflow_version}")
            self._migrate(name, way)
            self._write(url, moved)
        return _Ready(
            source.airflow_version, way, replace(_of_this_project(asked, moved), leave_out=()), loaded.unreadable
        )

    def _imported(self, asked: Asked, moved: Path) -> _Ready:
        """Let PostgreSQL's own programs fill a database beside, and migrate that."""
        with self._beside(self._target) as (name, url):
            replace_by_import(url, asked.path, asked.kind, find_binaries().postgres.parent, self._tell)
            hand_over(url)
            version, way = way_of_revision(revision(url), self._target)
            self._done(f"loaded what is of Airflow {version}, or of a newer one with that schema")
            with writing(url) as connection, connection.cursor() as cursor:
                keys = (asked.fernet_key or "", self._fernet_key)
                unreadable = encrypt_anew(cursor, read_tables(cursor), *keys, keep_unreadable=asked.keep_unreadable)
            # Also where the schema is the same: the users' tables may be missing, or of another revision.
            self._migrate(name, way or (self._target,))
            self._write(url, moved)
        return _Ready(version, way, _of_this_project(asked, moved), unreadable)

    @contextlib.contextmanager
    def _beside(self, release: Release) -> Iterator[tuple[str, str]]:
        """Give name and URL of a new database by that release's migration, for the time of this."""
        name = self._version + BESIDE
        self._databases.remove(name)  # of a command that was killed
        self._databases.create(self._wanted(release), name, self._tell)
        try:
            with self._databases.opened(name) as url:
                yield name, url
        finally:
            self._databases.remove(name)

    def _migrate(self, name: str, way: tuple[Release, ...]) -> None:
        """Run the migrations of these releases upon a database, one after another; the last one's users come along."""
        for release in way:
            commands = [release.migrate_argv]
            if release == way[-1] and release.users_argv:
                commands.append(release.users_argv)
            self._databases.run(self._wanted(release), name, commands, self._tell)
            self._done(f"migrated to Airflow {release.airflow_version}")

    def _write(self, url: str, path: Path) -> None:
        write_dump(url, path, airflow_version=self._version, fernet_key=self._fernet_key, tell=self._tell)

    def _keep_what_is_there(self) -> str:
        """Take a snapshot of the project's database, and return its name; make one where there is none."""
        if self._version not in self._databases.versions():
            self._databases.create(self._wanted(self._target), self._version, self._tell)
            return ""
        snapshots = Snapshots(self._project)
        name = snapshots.free_name(BEFORE_RESTORE, datetime.now().astimezone())
        with self._databases.opened(self._version) as url:
            key = self._fernet_key
            snapshots.take(name, url, airflow_version=self._version, fernet_key=key, tell=self._tell)
        self._done(f"snapshot {name} holds what was there")
        return name

    def _load(self, url: str, asked: Asked, before_commit: Callable[[], None] = lambda: None) -> Loaded:
        return load_dump(
            url,
            asked.path,
            fernet_key=self._fernet_key,
            old_key=asked.fernet_key,
            keep_unreadable=asked.keep_unreadable,
            leave_out=asked.leave_out,
            before_commit=before_commit,
            tell=self._tell,
        )

    def _end_what_was_of_before(self) -> None:
        """End what belonged to the rows of before: messages name their runs, sessions their users.

        Before the new rows are there for good: killed in between, the old ones are without both, which costs a login
        and, for what was queued, Airflow's own time until it queues anew; the other way round they would meet new rows.
        """
        self._lifecycle.runtime.remove_queue()
        end_sessions(self._project.state_dir)

    @property
    def _fernet_key(self) -> str:
        return load_secrets(self._project.state_dir).fernet_key

    def _wanted(self, release: Release) -> Wanted:
        workspace = self._workspace
        return Wanted(workspace.project, self._environment, release, workspace.env, workspace.cache_dir)

    def _done(self, detail: str) -> None:
        self._tell(Event("database", "done", detail=detail))
