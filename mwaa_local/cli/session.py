"""What most commands begin with: find the project, load its environment and release, open the runtime."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mwaa_local.console import Console, standard
from mwaa_local.errors import AlreadyRunning
from mwaa_local.project import Project
from mwaa_local.runtime.choice import existing_runtime
from mwaa_local.runtime.protocol import Runtime

if TYPE_CHECKING:  # most commands never look into the environment file, and should not pay for pydantic
    from mwaa_local.environment.environment import Environment
    from mwaa_local.packages import PackageStore
    from mwaa_local.release import Release

ProjectOption = Annotated[Path, typer.Option("--project", help="The project's folder; by default the one you are in.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
LOCK_NAME = "command.lock"


@dataclass(frozen=True)
class Session:
    """One command's view of a project. `chosen` is the runtime where the command decided on one."""

    project: Project
    console: Console
    env: dict[str, str]
    chosen: Runtime | None = None

    @cached_property
    def runtime(self) -> Runtime:
        """The chosen one, else that which has something here, else that of processes. Checks never ask for it."""
        return self.chosen or existing_runtime(self.project, self.env)

    def environment(self) -> Environment:
        from mwaa_local.environment.environment import Environment

        return Environment.load(self.project)

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

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the project for one command that changes it. Raises AlreadyRunning when another one does."""
        self.project.make_state_dir()
        self.project.run_dir.mkdir(exist_ok=True, mode=0o700)
        with (self.project.run_dir / LOCK_NAME).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AlreadyRunning(
                    "another mwaa-local command is changing this environment",
                    f"It holds {self.project.run_dir / LOCK_NAME}.",
                    "wait for it to end",
                ) from error
            os.set_inheritable(lock.fileno(), False)
            yield


def cache_dir_of(env: Mapping[str, str]) -> Path:
    named = env.get("MWAA_LOCAL_CACHE_DIR")
    if named:
        return Path(named)
    return Path(env.get("XDG_CACHE_HOME") or Path(env.get("HOME", "/tmp")) / ".cache") / "mwaa-local"


def open_session(project_dir: Path, *, verbose: bool = False) -> Session:
    env = dict(os.environ)
    project = Project.find(project_dir)
    return Session(project, standard(env, verbose=verbose), env)
