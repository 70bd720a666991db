"""One project with the databases of one runtime, for the tests of what every runtime does with them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from mwaa_local.environment.environment import Environment
from mwaa_local.event import Event
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.compose.containers import compose_name
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.runtime import ComposeRuntime
from mwaa_local.runtime.databases import Databases
from mwaa_local.runtime.process.runtime import ProcessRuntime
from mwaa_local.runtime.process.servers import PART_SUFFIX
from mwaa_local.runtime.protocol import Runtime
from mwaa_local.wanted import Wanted
from tests.conftest import Begun

KEPT_ROW = ("kept", "by the copy, too")
# A command of its own that does something with the databases of a project.
PROGRAM = """
import os, sys, time
from pathlib import Path
from mwaa_local.project import Project
from mwaa_local.runtime.{module} import {name}
databases = {name}(Project(Path(sys.argv[1])), dict(os.environ)).databases
"""


@dataclass
class DatabaseHouse:
    """One project, its databases in one runtime, and the events that they told."""

    project: Project
    env: Mapping[str, str]
    kind: type[ProcessRuntime] | type[ComposeRuntime]
    version: str  # of the database that is there from the beginning
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runtime: Runtime = self.kind(self.project, self.env)

    @property
    def databases(self) -> Databases:
        return self.runtime.databases

    def wanted(self, version: str) -> Wanted:
        cache_dir = Path(self.env["MWAA_LOCAL_CACHE_DIR"])
        return Wanted(self.project, Environment.load(self.project), Release.load(version), self.env, cache_dir)

    def create(self) -> None:
        """Make a database with one row of ours in it."""
        self.databases.create(self.wanted(self.version), self.version, self.events.append)
        with self.databases.opened(self.version) as url:
            execute(url, "INSERT INTO variable (key, val, is_encrypted) VALUES (%s, %s, false)", *KEPT_ROW)

    @property
    def unfinished(self) -> list[str]:
        """The databases that are there in part."""
        if self.kind is ProcessRuntime:
            return [path.stem for path in self.project.database_dir.glob(f"*{PART_SUFFIX}")]
        prefix = f"{compose_name(self.project)}-database-"
        volumes = Engine.open(self.env).volumes(compose_name(self.project))
        return sorted({name.removeprefix(prefix) for name in volumes}.difference(self.databases.versions()))

    def begin(self, program: str) -> subprocess.Popen[str]:
        """Begin another command: Python with `databases` in it."""
        module = self.kind.__module__.removeprefix("mwaa_local.runtime.")
        text = PROGRAM.format(module=module, name=self.kind.__name__) + program
        return Begun(
            [sys.executable, "-c", text, str(self.project.root_dir)],
            env=dict(self.env),
            stdout=subprocess.PIPE,
            text=True,
        )


def execute(url: str, query: str, *values: object) -> None:
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute(query, values)


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def variables(url: str) -> list[tuple[object, ...]]:
    return rows(url, "SELECT key, val FROM variable WHERE NOT is_encrypted ORDER BY key")


@contextlib.contextmanager
def connected(url: str) -> Iterator[psycopg2.extensions.connection]:
    connection = psycopg2.connect(url)
    try:
        with connection:
            yield connection
    finally:
        connection.close()
