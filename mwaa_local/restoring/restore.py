"""Brings a dump into a project's metadata database: stop, keep what is there, load, migrate, and only then replace.

The rows of another release come into a database beside, which that release's own migration makes and the target's
brings up to date. Whatever fails, and whoever is killed, the project's database is as before: what replaces it is one
transaction, and a snapshot of before is taken first. What a killed command left the next one finds (`settling`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from mwaa_local.database.dump import write_dump
from mwaa_local.database.dump_format import Head
from mwaa_local.database.fernet import encrypt_anew
from mwaa_local.database.load import Loaded, load_dump
from mwaa_local.database.pg_dump import Kind, hand_over, replace_by_import
from mwaa_local.database.revision import revision
from mwaa_local.database.session import writing
from mwaa_local.database.snapshots import BEFORE_RESTORE, Snapshots
from mwaa_local.database.tables import read_tables
from mwaa_local.environment.environment import Environment
from mwaa_local.event import Event
from mwaa_local.lifecycle import Lifecycle
from mwaa_local.release import Release
from mwaa_local.restoring.record import REPLACING, SCRATCH_PREFIX, Record, Recorder
from mwaa_local.restoring.ways import way_between, way_of_revision
from mwaa_local.runtime.process.servers import find_binaries
from mwaa_local.scratch import scratch_folder
from mwaa_local.secrets import end_sessions, load_secrets
from mwaa_local.wanted import Wanted
from mwaa_local.workspace import Workspace

BESIDE = "-restoring"  # of the name of the database beside
ASKED_NEXT = "whether all of the dump is in, the next command says, such as `mwaa-local up`: it asks PostgreSQL"


def name_beside(version: str) -> str:
    """Return the name of the database beside that of a release."""
    return version + BESIDE


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
        self,
        workspace: Workspace,
        environment: Environment,
        lifecycle: Lifecycle,
        tell: Callable[[Event], None],
        kind: str,
    ) -> None:
        self._workspace = workspace
        self._environment = environment
        self._lifecycle = lifecycle
        self._tell = tell
        self._kind = kind  # of the runtime that the lifecycle has chosen
        self._project = workspace.project
        self._databases = lifecycle.runtime.databases
        self._target = workspace.release(environment)
        self._version = self._target.airflow_version

    def restore(self, asked: Asked) -> Restored:
        """Replace the rows of the project's database with those of a dump.

        What takes long and may fail comes first, beside; only then the environment is stopped. Raises DumpRefused,
        DumpInvalid, ValuesUnreadable, DiskFull, and what making and migrating a database raises.
        """
        recorder = Recorder(self._project, Record(asked.path.name, self._version, self._kind))
        with recorder.kept(), scratch_folder(SCRATCH_PREFIX, self._project.state_dir) as folder:
            ready = self._ready(asked, folder / "moved", recorder)
            with self._made_if_missing(recorder) as is_new:
                recorder.note(step=REPLACING)
                was_running = self._lifecycle.down(now=True)
                try:
                    before = "" if is_new else self._keep_what_is_there()
                    recorder.note(before=before)
                    with self._databases.opened(self._version) as url:
                        loaded = self._load(url, ready.asked, partial(self._end_what_was_of_before, recorder))
                except BaseException:
                    if was_running:
                        self._tell(Event("environment", "stopped", detail="`mwaa-local up` starts it again"))
                    if recorder.may_be_in:
                        self._tell(Event("database", "interrupted", detail=ASKED_NEXT))
                    raise
        unreadable = ready.unreadable or loaded.unreadable
        return Restored(ready.source, self._target, ready.way, before, loaded.rows, unreadable)

    def _ready(self, asked: Asked, moved: Path, recorder: Recorder) -> _Ready:
        """Return what can be loaded into the project's own database: the dump itself, or what became of it beside."""
        if asked.head is None:
            return self._imported(asked, moved, recorder)
        source = Release.load(asked.head.airflow_version)
        way = way_between(source, self._target)
        if not way:
            return _Ready(source.airflow_version, way, asked)
        self._have_what_it_takes(source, *way)
        with self._beside(source, recorder) as (name, url):
            loaded = self._load(url, asked)
            self._done(f"loaded {loaded.rows} rows of Airflow {source.airflow_version}")
            self._migrate(name, way)
            self._write(url, moved)
        return _Ready(
            source.airflow_version, way, replace(_of_this_project(asked, moved), leave_out=()), loaded.unreadable
        )

    def _imported(self, asked: Asked, moved: Path, recorder: Recorder) -> _Ready:
        """Let PostgreSQL's own programs fill a database beside, and migrate that."""
        with self._beside(self._target, recorder) as (name, url):
            replace_by_import(url, asked.path, asked.kind, find_binaries().postgres.parent, self._tell)
            hand_over(url)
            version, way = way_of_revision(revision(url), self._target)
            self._done(f"loaded what is of Airflow {version}, or of a newer one with that schema")
            self._have_what_it_takes(*way)
            with writing(url) as connection, connection.cursor() as cursor:
                keys = (asked.fernet_key or "", self._fernet_key)
                unreadable = encrypt_anew(cursor, read_tables(cursor), *keys, keep_unreadable=asked.keep_unreadable)
            # Also where the schema is the same: the users' tables may be missing, or of another revision.
            self._migrate(name, way or (self._target,))
            self._write(url, moved)
        return _Ready(version, way, _of_this_project(asked, moved), unreadable)

    def _have_what_it_takes(self, *releases: Release) -> None:
        """Have the packages of all these releases first: one that cannot be had is told before rows are moved."""
        for release in releases:
            self._databases.prepare(self._wanted(release), self._tell)

    @contextlib.contextmanager
    def _made_if_missing(self, recorder: Recorder) -> Iterator[bool]:
        """Make the project's database, where it has none yet, while nothing is stopped; give whether that was so.

        If this fails, there is none again, unless the rows of the dump may be in.
        """
        if self._version in self._databases.versions():
            yield False
            return
        recorder.note(is_new=True)
        self._databases.create(self._wanted(self._target), self._version, self._tell)
        try:
            yield True
        except BaseException:
            if not recorder.may_be_in:
                with recorder.tidying():
                    self._databases.remove(self._version)
            raise

    @contextlib.contextmanager
    def _beside(self, release: Release, recorder: Recorder) -> Iterator[tuple[str, str]]:
        """Give name and URL of a new database by that release's migration, for the time of this."""
        name = name_beside(self._version)
        self._databases.remove(name)  # of a command that was killed
        try:
            self._databases.create(self._wanted(release), name, self._tell)
            with self._databases.opened(name) as url:
                yield name, url
        finally:
            with recorder.tidying():
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
        """Take a snapshot of the project's database, and return its name."""
        snapshots = Snapshots(self._project)
        name = snapshots.free_name(BEFORE_RESTORE, datetime.now().astimezone())
        with self._databases.opened(self._version) as url:
            key = self._fernet_key
            snapshots.take(name, url, airflow_version=self._version, fernet_key=key, tell=self._tell)
        self._done(f"snapshot {name} holds what was there")
        return name

    def _load(self, url: str, asked: Asked, before_commit: Callable[[str], None] = lambda _mark: None) -> Loaded:
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

    def _end_what_was_of_before(self, recorder: Recorder, mark: str) -> None:
        """End what belonged to the rows of before: messages name their runs, sessions their users.

        Before the new rows are there for good: killed in between, the old ones are without both, which costs a login
        and, for what was queued, Airflow's own time until it queues anew; the other way round they would meet new rows.
        """
        recorder.note(mark=mark)
        try:
            self._lifecycle.runtime.remove_queue()
            end_sessions(self._project.state_dir)
        except BaseException:
            recorder.note(mark="")  # the transaction is not even tried
            raise

    @property
    def _fernet_key(self) -> str:
        return load_secrets(self._project.state_dir).fernet_key

    def _wanted(self, release: Release) -> Wanted:
        workspace = self._workspace
        return Wanted(workspace.project, self._environment, release, workspace.env, workspace.cache_dir)

    def _done(self, detail: str) -> None:
        self._tell(Event("database", "done", detail=detail))
