"""The databases of a project as data folders of our PostgreSQL: `.mwaa-local/database/VERSION`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from mwaa_local.cache.users import PROCESS, User
from mwaa_local.command import Request, run
from mwaa_local.database.connection import database_url
from mwaa_local.errors import DatabaseInUse
from mwaa_local.event import Event
from mwaa_local.files import remove_tree
from mwaa_local.packages import PackageStore, PythonEnvironment
from mwaa_local.plan import Plan
from mwaa_local.project import TEMPORARY_NAME, Project
from mwaa_local.runtime.database_locks import DatabaseLocks
from mwaa_local.runtime.databases import by_age, exists, in_use, is_for_a_while, missing
from mwaa_local.runtime.migrating import COMMAND_TIMEOUT_S, migration_env, program_argv, run_commands
from mwaa_local.runtime.ports import free_port
from mwaa_local.runtime.process.first_migration import first_migration, server_env
from mwaa_local.runtime.process.lone_server import PID_NAME, end_server_on, lone_server
from mwaa_local.runtime.process.own_processes import OwnProcesses
from mwaa_local.runtime.process.servers import (
    PART_SUFFIX,
    DatabaseTemplates,
    check_data_dir,
    copy_data,
    find_binaries,
    part_of,
    postgres_argv,
)
from mwaa_local.scratch import remove_abandoned, scratch_folder
from mwaa_local.secrets import load_secrets
from mwaa_local.steps import Steps
from mwaa_local.wanted import Wanted

HOME_PREFIX = "migration-"  # of folders in .mwaa-local, the Airflow homes of commands upon a database


class ProcessDatabases:
    """See `Databases`. `running_plan` says what runs."""

    def __init__(self, project: Project, env: Mapping[str, str], running_plan: Callable[[], Plan | None]) -> None:
        self.project = project
        self._env = env
        self._running_plan = running_plan
        self._own = OwnProcesses(project.run_dir)
        self._locks = DatabaseLocks(project, PROCESS)
        self._opened: dict[str, str] = {}  # URL by version

    def versions(self) -> tuple[str, ...]:
        folder = self.project.database_dir
        return by_age(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else ()

    @contextlib.contextmanager
    def opened(self, version: str) -> Iterator[str]:
        if version in self._opened:
            yield self._opened[version]
            return
        plan = self._plan_on(version)
        if plan is not None:
            yield plan.database_url
            return
        with self._held(version):
            data_dir = self._existing(version)
            password = load_secrets(self.project.state_dir).database_password(version)
            port = free_port()
            argv = postgres_argv(find_binaries(), data_dir, port)
            self._opened[version] = url = database_url(port, password)
            try:
                with lone_server(argv, server_env(self.project, self._env), url, self._log_path(version)):
                    yield url
            finally:
                del self._opened[version]

    def create(self, wanted: Wanted, version: str, on_event: Callable[[Event], None]) -> None:
        steps = Steps(on_event)
        base = self._base(wanted, steps)
        with self._held(version):
            if self._dir(version).exists():
                raise exists(version)
            self._make(wanted, base, version, steps)

    def prepare(self, wanted: Wanted, on_event: Callable[[Event], None]) -> None:
        self._base(wanted, Steps(on_event))

    def make_first(self, wanted: Wanted, base: PythonEnvironment, version: str, steps: Steps) -> None:
        """Make the one of an environment that starts, with packages that are there already."""
        with self._held(version):
            self._make(wanted, base, version, steps)

    def _make(self, wanted: Wanted, base: PythonEnvironment, version: str, steps: Steps) -> None:
        templates = DatabaseTemplates(
            wanted.cache_dir, find_binaries(), server_env(self.project, self._env), free_port()
        )
        migration = first_migration(wanted, base)
        steps.do(
            "database",
            lambda say: templates.create(
                self._dir(version), migration, say, lambda password: self._remember(version, password)
            ),
        )

    def copy(self, version: str, to_version: str) -> None:
        with self._unused(version), self._unused(to_version):
            source, target = self._existing(version), self._dir(to_version)
            if target.exists():
                raise exists(to_version)
            password = load_secrets(self.project.state_dir).database_password(version)

            def before_it_counts() -> None:
                os.sync()  # whoever removes the first one later must not lose both with the power
                self._remember(to_version, password)

            copy_data(source, target, before_it_counts)

    def run(
        self,
        wanted: Wanted,
        version: str,
        commands: Sequence[Sequence[str]],
        on_event: Callable[[Event], None],
        script: Path | None = None,
    ) -> None:
        steps = Steps(on_event)
        base = self._base(wanted, steps)
        fernet_key = load_secrets(self.project.state_dir).fernet_key
        program = program_argv(wanted.release, str(base.python_path), script)
        with self.opened(version) as url, scratch_folder(HOME_PREFIX, self.project.state_dir) as home_dir:
            env = migration_env(wanted, base, url, str(home_dir), fernet_key=fernet_key)
            (home_dir / TEMPORARY_NAME).mkdir()

            def execute(words: Sequence[str], on_line: Callable[[str], None]) -> tuple[int, str]:
                request = Request([*program, *words], env, home_dir, COMMAND_TIMEOUT_S, alone=True)
                completed = run(request, on_line)
                return completed.exit_code, completed.output

            hide = urlsplit(url).password or ""
            passing = steps.passing("database")
            steps.do(
                "database",
                lambda say: run_commands(wanted.release, url, commands, execute, say, passing, hide, script),
            )

    def remove(self, version: str) -> None:
        with self._unused(version):
            data_dir, part = self._dir(version), part_of(self._dir(version))
            if data_dir.exists():
                end_server_on(data_dir)
                data_dir.rename(part)  # in one step, so that half of it is never taken for a database
            remove_tree(part)
            remove_abandoned(HOME_PREFIX, self.project.state_dir, grace_s=0.0)  # of a killed command that had this open
            if is_for_a_while(version):
                self._log_path(version).unlink(missing_ok=True)
                load_secrets(self.project.state_dir).without_database(version).save(self.project.state_dir)

    def tidy(self) -> None:
        if not self._locks.were_used or self._own.first is not None:  # one that runs has ended them when it started
            return
        self._remove_parts("")
        for version in self.versions():
            data_dir = self._dir(version)
            if (data_dir / PID_NAME).exists():
                self._locks.if_nobody_has(version, "", partial(end_server_on, data_dir))

    # The folders.

    def _dir(self, version: str) -> Path:
        return self.project.database_dir / version

    def _log_path(self, version: str) -> Path:
        return self.project.run_dir / f"database-{version}.log"

    def _existing(self, version: str) -> Path:
        """Return a data folder on which nothing is at work any more."""
        data_dir = self._dir(version)
        if not data_dir.exists():
            raise missing(version, self.versions())
        check_data_dir(data_dir)
        end_server_on(data_dir)
        return data_dir

    def _base(self, wanted: Wanted, steps: Steps) -> PythonEnvironment:
        user = User(wanted.cache_dir, wanted.project, PROCESS)
        store = PackageStore(wanted.cache_dir, wanted.env, user)
        return steps.do("packages", lambda say: store.base(wanted.release, say))

    def _remember(self, version: str, password: str) -> None:
        """Keep the password, before there is the database: without it that would be lost."""
        load_secrets(self.project.state_dir).with_database(version, password).save(self.project.state_dir)

    # Who else uses them.

    def _plan_on(self, version: str) -> Plan | None:
        """Return the plan of the environment that runs on a database; None where none does."""
        if is_for_a_while(version):
            return None  # no environment's
        plan = self._running_plan()
        if plan is None and self._own.first is not None:
            raise DatabaseInUse(
                f"it cannot be seen whether an environment runs on the database of Airflow {version}",
                "Its supervisor lives but does not answer, or has nothing to start yet.",
                "wait until it is up, or run `mwaa-local down`",
            )
        return plan if plan is not None and plan.airflow_version == version else None

    @contextlib.contextmanager
    def _unused(self, version: str) -> Iterator[None]:
        if self._plan_on(version) is not None:
            raise in_use(version)
        with self._held(version):
            yield

    @contextlib.contextmanager
    def _held(self, version: str) -> Iterator[None]:
        """Be the only command that has this database, and remove what killed ones left of any. Raises DatabaseInUse."""
        with self._locks.held(version):
            self._remove_parts(version)
            yield

    def _remove_parts(self, held: str) -> None:
        for part in self.project.database_dir.glob(f"*{PART_SUFFIX}"):
            name = part.name.removesuffix(PART_SUFFIX)
            self._locks.if_nobody_has(name, held, partial(remove_tree, part, ignore_errors=True))
