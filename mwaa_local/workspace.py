"""Workspace: one project to work on, with the shell's variables, the cache folder and the lock.

Nothing here prints or knows of a command line.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mwaa_local import flock
from mwaa_local.errors import AccessDenied, AlreadyRunning, DockerUnavailable, disk_error
from mwaa_local.files import make_private
from mwaa_local.https.place import CERTIFICATE_NAME
from mwaa_local.project import RESTORE_NAME, Project
from mwaa_local.runtime.choice import existing_runtime, runtimes_with_data
from mwaa_local.runtime.databases import by_age, is_for_a_while, missing
from mwaa_local.runtime.protocol import Runtime
from mwaa_local.secrets import SECRETS_NAME

if TYPE_CHECKING:  # most commands never look into the environment file, and should not pay for pydantic
    from mwaa_local.check.context import CheckContext
    from mwaa_local.environment.environment import Environment
    from mwaa_local.packages import PackageStore
    from mwaa_local.release import Release
    from mwaa_local.steps import Steps

LOCK_NAME = "command.lock"
MOMENT_NAME = "moment.lock"  # held beside it by the observer, which has it for a moment only
MOMENT_S = 60.0  # a container is made within seconds; a machine may be busy


@dataclass(frozen=True)
class Workspace:
    """A project and the variables of the shell from which it is worked on.

    `airflow_version` takes the place of that of the environment file, "" leaves that; None is the one that runs.
    """

    project: Project
    env: dict[str, str]
    airflow_version: str | None = field(default=None, kw_only=True)

    @cached_property
    def runtime(self) -> Runtime:
        """The runtime that has something here, else processes. Checks never ask for it."""
        return existing_runtime(self.project, self.env)

    def environment(self) -> Environment:
        from mwaa_local.environment.environment import Environment

        return Environment.load(self.project, airflow_version=self.airflow_version)

    def release(self, environment: Environment) -> Release:
        from mwaa_local.release import Release

        return Release.load(environment.airflow_version)

    @property
    def cache_dir(self) -> Path:
        """Where package sets and database templates are kept for all projects of this user."""
        return cache_dir_of(self.env)

    def packages(self) -> PackageStore:
        """Return the package sets of releases, as a check of this project uses them."""
        from mwaa_local.cache.users import CHECK, User
        from mwaa_local.packages import PackageStore

        return PackageStore(self.cache_dir, self.env, User(self.cache_dir, self.project, CHECK))

    def check_context(self, environment: Environment, release: Release, steps: Steps) -> CheckContext:
        """Return what checks for one release stand on; the release's packages are installed first if missing.

        Raises PackagesUnavailable, PythonUnavailable or DiskFull.
        """
        from mwaa_local.check.context import CheckContext

        base = steps.do("packages", lambda say: self.packages().base(release, say))
        return CheckContext(self.project, environment, release, self.env, self.cache_dir, base)

    @contextlib.contextmanager
    def exclusive(self, wait_s: float = 0.0) -> Iterator[None]:
        """Hold the project for one change of its environment. Raises AlreadyRunning when somebody else does so long."""
        self.project.make_state_dir()
        make_private(self.project.run_dir)
        with self._opened_lock() as lock:
            if not flock.attempt(lock.fileno(), wait_s) and not self._wait_for_observer(lock.fileno()):
                raise AlreadyRunning(
                    "another mwaa-local command is changing this environment",
                    f"It holds {self.project.run_dir / LOCK_NAME}.",
                    "wait for it to end",
                )
            os.set_inheritable(lock.fileno(), False)
            yield

    def _opened_lock(self) -> IO[str]:
        """Return the lock file, opened. Raises AccessDenied for a project of somebody else, DiskFull."""
        try:
            return (self.project.run_dir / LOCK_NAME).open("w")
        except PermissionError as error:
            raise AccessDenied(
                f"not allowed to change the environment of {self.project.root_dir}",
                str(error),
                "run this as the user who owns the project",
            ) from error
        except OSError as error:
            raise disk_error(error, self.project.run_dir) from error

    @contextlib.contextmanager
    def exclusive_for_a_moment(self) -> Iterator[bool]:
        """For the observer: hold the project if nobody else does; commands that come meanwhile wait for its end.

        Yields whether it is held. Whoever has it must be done within MOMENT_S.
        """
        with contextlib.ExitStack() as held:
            moment = flock.take(self.project.run_dir / MOMENT_NAME)
            if moment is None:
                yield False
                return
            held.callback(os.close, moment)
            lock = flock.take(self.project.run_dir / LOCK_NAME)
            if lock is not None:
                held.callback(os.close, lock)
            yield lock is not None

    def _wait_for_observer(self, lock_fd: int) -> bool:
        """Take the lock if it is the observer who has it, or had it until now; return whether that worked."""
        path = self.project.run_dir / MOMENT_NAME
        if not path.exists():
            return False
        moment = flock.take(path)
        if moment is not None:
            os.close(moment)
        return flock.attempt(lock_fd, 0.0 if moment is not None else MOMENT_S)

    # What a stopped environment keeps. It may have data in each runtime.

    def remove_database(self, airflow_version: str) -> None:
        """Remove the databases of one release, and the queues."""
        for runtime in runtimes_with_data(self.project, self.env):
            runtime.remove_database(airflow_version)

    def check_has_database(self, airflow_version: str) -> None:
        """Raise DatabaseMissing, with those that are there, where no runtime has one of that release."""
        runtimes = runtimes_with_data(self.project, self.env)
        known = by_age({version for runtime in runtimes for version in runtime.databases.versions()})
        if airflow_version not in known:
            error = missing(airflow_version, [version for version in known if not is_for_a_while(version)])
            error.hint = "name the version of one that is there" if known else ""
            raise error

    def remove_other_database(self, airflow_version: str) -> None:
        """Remove the databases of a release that does not run, while another one may."""
        for runtime in runtimes_with_data(self.project, self.env):
            runtime.databases.remove(airflow_version)

    def tidy_databases(self) -> None:
        """End what killed commands left at work on databases, in each runtime that answers."""
        for runtime in runtimes_with_data(self.project, self.env):
            with contextlib.suppress(DockerUnavailable):
                runtime.databases.tidy()

    def remove_data(self) -> None:
        """Remove database, queue and packages of every release, and then what belongs to them."""
        for runtime in runtimes_with_data(self.project, self.env):
            try:
                runtime.remove_data()
            except DockerUnavailable as error:
                error.hint = "start Docker and run the command again: its volumes are still there"
                raise
        shutil.rmtree(self.project.state_dir / "docker", ignore_errors=True)
        for name in (SECRETS_NAME, CERTIFICATE_NAME, RESTORE_NAME):
            (self.project.state_dir / name).unlink(missing_ok=True)
        (self.project.run_dir / CERTIFICATE_NAME).unlink(missing_ok=True)  # the copy that the front door reads


def cache_dir_of(env: Mapping[str, str]) -> Path:
    """Return the cache folder, which need not be there. Raises AccessDenied for what is no folder."""
    named = env.get("MWAA_LOCAL_CACHE_DIR")
    folder = Path(named) if named else _usual_cache_dir(env)
    if os.path.lexists(folder) and not folder.is_dir():
        raise AccessDenied(
            f"the cache folder {folder} is no folder",
            "There is a file of that name, or a link to what is no folder.",
            "set MWAA_LOCAL_CACHE_DIR to a folder, or move what is there out of the way",
        )
    return folder


def _usual_cache_dir(env: Mapping[str, str]) -> Path:
    return Path(env.get("XDG_CACHE_HOME") or Path(env.get("HOME", "/tmp")) / ".cache") / "mwaa-local"
