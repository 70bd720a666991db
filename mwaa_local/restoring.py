"""Brings a dump into a project's metadata database: stop, keep what is there, load, migrate, and only then replace.

The rows of another release come into a database beside, which that release's own migration makes and the target's
brings up to date. Whatever fails, and whoever is killed, the project's database is as before: what replaces it is one
transaction, and a snapshot of before is taken first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from packaging.version import Version

from mwaa_local.database.dump import write_dump
from mwaa_local.database.dump_format import Head
from mwaa_local.database.fernet import check_keys, encrypt_anew
from mwaa_local.database.known_revisions import airflow_of
from mwaa_local.database.load import Loaded, load_dump
from mwaa_local.database.pg_dump import Kind, hand_over, replace_by_import
from mwaa_local.database.revision import revision
from mwaa_local.database.session import writing
from mwaa_local.database.snapshots import BEFORE_RESTORE, Snapshots
from mwaa_local.database.tables import read_tables
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import DumpRefused
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
        """Replace the rows of the project's database with those of a dump of ours; the environment is stopped.

        Raises DumpRefused, DumpInvalid, ValuesUnreadable, DiskFull, and what making and migrating a database raises.
        """
        if asked.head is None:
            return self._import(asked)
        source = Release.load(asked.head.airflow_version)
        way = way_between(source, self._target)
        self._lifecycle.down(now=True)
        before = self._keep_what_is_there()
        unreadable = self._through_beside(asked, source, way) if way else self._replace(asked.path, asked)
        self._settle()
        return Restored(source.airflow_version, self._target, way, before, asked.head.rows, unreadable)

    def _keep_what_is_there(self) -> str:
        """Take a snapshot of the project's database, and return its name; make one where there is none."""
        if self._version not in self._databases.versions():
            self._databases.create(self._wanted(self._target), self._version, self._tell)
            return ""
        snapshots = Snapshots(self._project)
        name = snapshots.free_name(BEFORE_RESTORE, datetime.now().astimezone())
        with self._databases.opened(self._version) as url:
            snapshots.take(name, url, airflow_version=self._version, fernet_key=self._fernet_key)
        self._done(f"snapshot {name} holds what was there")
        return name

    def _through_beside(self, asked: Asked, source: Release, way: tuple[Release, ...]) -> tuple[str, ...]:
        """Load into a new database of the dump's release, migrate that, and replace the project's rows with its."""
        beside = self._version + BESIDE
        self._databases.remove(beside)  # of a command that was killed
        self._databases.create(self._wanted(source), beside, self._tell)
        try:
            with self._databases.opened(beside) as url:
                loaded = self._load(url, asked.path, asked)
                self._done(f"loaded {loaded.head.rows} rows of Airflow {source.airflow_version}")
                self.migrate(beside, way)
                self.replace_by(url, asked)
        finally:
            self._databases.remove(beside)
        return loaded.unreadable

    def _import(self, asked: Asked) -> Restored:
        """Let PostgreSQL's own programs fill a database beside, migrate that, and go on as with any other."""
        check_keys(asked.fernet_key or "")
        self._lifecycle.down(now=True)
        beside = self._version + BESIDE
        self._databases.remove(beside)
        self._databases.create(self._wanted(self._target), beside, self._tell)
        try:
            with self._databases.opened(beside) as url:
                replace_by_import(url, asked.path, asked.kind, find_binaries().postgres.parent)
                hand_over(url)
                version, way = way_of_revision(revision(url), self._target)
                self._done(f"loaded what is of Airflow {version}, or of a newer one with that schema")
                with writing(url) as connection, connection.cursor() as cursor:
                    keys = (asked.fernet_key or "", self._fernet_key)
                    kept = asked.keep_unreadable
                    unreadable = encrypt_anew(cursor, read_tables(cursor), *keys, keep_unreadable=kept)
                # Also where the schema is the same: the users' tables may be missing, or of another revision.
                self.migrate(beside, way or (self._target,))
                before = self._keep_what_is_there()
                rows = self.replace_by(url, asked)
        finally:
            self._databases.remove(beside)
        self._settle()
        return Restored(version, self._target, way, before, rows, unreadable)

    def migrate(self, name: str, way: tuple[Release, ...]) -> None:
        """Run the migrations of these releases upon a database, one after another."""
        for release in way:
            commands = [release.migrate_argv]
            if release == way[-1] and release.users_argv:
                commands.append(release.users_argv)
            self._databases.run(self._wanted(release), name, commands, self._tell)
            self._done(f"migrated to Airflow {release.airflow_version}")

    def replace_by(self, url: str, asked: Asked) -> int:
        """Replace the rows of the project's database with those of another one of the same schema; return how many."""
        with scratch_folder(SCRATCH_PREFIX, self._project.state_dir) as folder:
            moved = folder / "moved"
            head = write_dump(url, moved, airflow_version=self._version, fernet_key=self._fernet_key)
            self._replace(moved, replace(asked, fernet_key=None))
            return head.rows

    def _replace(self, path: Path, asked: Asked) -> tuple[str, ...]:
        with self._databases.opened(self._version) as url:
            return self._load(url, path, asked).unreadable

    def _load(self, url: str, path: Path, asked: Asked) -> Loaded:
        return load_dump(
            url,
            path,
            fernet_key=self._fernet_key,
            old_key=asked.fernet_key,
            keep_unreadable=asked.keep_unreadable,
            leave_out=asked.leave_out,
        )

    def _settle(self) -> None:
        """End what belonged to the rows of before: messages name their runs, sessions their users."""
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
