"""A stopped project with a history, in one of the runtimes: its databases looked at, and an upgrade of it killed."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from mwaa_local.database.dump import write_dump
from mwaa_local.project import Project
from mwaa_local.runtime.choice import open_runtime
from mwaa_local.runtime.databases import Databases
from mwaa_local.secrets import load_secrets
from mwaa_local.workspace import Workspace
from tests.conftest import REPOSITORY_DIR, RUNTIME_VARIABLE, ProjectRunner

TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class Kept:
    """A stopped project with a history, and the release to which it goes."""

    runner: ProjectRunner
    after: str

    @property
    def project(self) -> Project:
        return Project(self.runner.root_dir.resolve())

    @property
    def databases(self) -> Databases:
        return open_runtime(self.runner.env[RUNTIME_VARIABLE], self.project, dict(self.runner.env)).databases

    def dump(self, version: str, folder: Path) -> bytes:
        """Return all rows of a database: the same bytes for the same data."""
        path = folder / "rows.dump"
        key = load_secrets(self.project.state_dir).fernet_key
        with Workspace(self.project, dict(self.runner.env)).exclusive(), self.databases.opened(version) as url:
            write_dump(url, path, airflow_version=version, fernet_key=key, force=True)
        return path.read_bytes()

    def execute(self, version: str, statement: str) -> list[tuple[object, ...]]:
        with (
            Workspace(self.project, dict(self.runner.env)).exclusive(),
            self.databases.opened(version) as url,
            contextlib.closing(psycopg2.connect(url)) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def kill_upgrade(self, when: str) -> str:
        """Have an upgrade killed at a point; return what it had told."""
        words = (str(self.project.root_dir), self.after, when)
        program = [sys.executable, "-m", "tests.integration.killed_upgrade", *words]
        done = subprocess.run(
            program, cwd=REPOSITORY_DIR, env=dict(self.runner.env), capture_output=True, text=True, timeout=TIMEOUT_S
        )
        assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
        return done.stdout
