"""Projects with a database but no running environment, whose databases are dumped, moved and restored."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet

from mwaa_local.environment.environment import Environment
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.databases import Databases
from mwaa_local.runtime.process.runtime import ProcessRuntime
from mwaa_local.runtime.process.servers import find_binaries
from mwaa_local.runtime.protocol import Runtime
from mwaa_local.secrets import load_secrets
from mwaa_local.wanted import Wanted
from tests.conftest import ProjectRunner, make_clean_env
from tests.contract.databases import execute, rows

DAG = """
from datetime import datetime
from airflow import DAG
from airflow.operators.bash import BashOperator
with DAG("moved", start_date=datetime(2024, 1, 1), schedule=None) as dag:
    BashOperator(task_id="first", bash_command="echo first")
"""


class Moved(ProjectRunner):
    """A project with a database but no running environment."""

    @property
    def runtime(self) -> Runtime:
        return ProcessRuntime(Project(self.root_dir), self.env)

    @property
    def databases(self) -> Databases:
        return self.runtime.databases

    def create(self, version: str) -> None:
        """Make a database of a release, with one variable in it."""
        project, cache_dir = Project(self.root_dir), Path(self.env["MWAA_LOCAL_CACHE_DIR"])
        wanted = Wanted(project, Environment.load(project), Release.load(version), self.env, cache_dir)
        self.databases.create(wanted, version, lambda event: None)
        with self.databases.opened(version) as url:
            execute(url, "INSERT INTO variable (key, val, is_encrypted) VALUES ('kept', 'value', false)")

    @property
    def fernet_key(self) -> str:
        return load_secrets(self.root_dir / ".mwaa-local").fernet_key

    def rows(self, version: str, query: str) -> list[tuple[object, ...]]:
        with self.databases.opened(version) as url:
            return rows(url, query)

    def rows_dumped(self, path: Path) -> bytes:
        """Return a dump of the project's database, written to that file: the same rows give the same bytes."""
        self.run_well("db", "dump", str(path), "--force")
        return path.read_bytes()

    def password(self, version: str) -> str:
        """Return the connection's password, opened by this project's key."""
        [(value,)] = self.rows(version, "SELECT password FROM connection WHERE conn_id = 'mydb'")
        return Fernet(self.fernet_key).decrypt(str(value).encode()).decode()

    def run_well(self, *words: str) -> str:
        outcome = self.run(*words)
        assert outcome.exit_code == 0, outcome.stderr
        return outcome.stdout


def new_project(folder: Path, version: str) -> Moved:
    runner = Moved(folder / "project", make_clean_env(folder))
    runner.write({"mwaa.yaml": f'AirflowVersion: "{version}"\n', "dags/moved.py": DAG})
    return runner


def pg_dump(url: str, path: Path, kind: str) -> None:
    """Have PostgreSQL's own program write the database to a file, in one of its formats."""
    parts = urlsplit(url)
    argv = [str(find_binaries().postgres.parent / "pg_dump"), "--host=127.0.0.1", f"--port={parts.port}"]
    argv += [f"--username={parts.username}", f"--format={kind}", f"--file={path}", parts.path.removeprefix("/")]
    subprocess.run(argv, env={"PATH": os.defpath, "PGPASSWORD": parts.password or ""}, check=True)


@contextlib.contextmanager
def small_disk_on(folder: Path, size: str) -> Iterator[None]:
    """Make a folder, and a file system of that size upon it meanwhile. Skips the test where none can be mounted."""
    folder.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = subprocess.run(argv, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
