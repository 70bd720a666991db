"""Restores without room, and without an interpreter: what is said, and that nothing was changed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.database.dump_format import CHECKSUM, read_head
from mwaa_local.project import Project
from mwaa_local.release import Release
from tests.conftest import make_clean_env
from tests.contract.databases import execute
from tests.integration.moved import Moved, new_project, pg_dump, small_disk_on

OLDER, RELEASE = "2.10.1", "2.10.3"
MANY_ROWS = 300_000  # that take twice the room that is left
ROOM_MB = 40  # beside a database and what it needs to start


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with dumps of a database with many rows: `ours`, `plain`."""
    folder = tmp_path_factory.mktemp("large")
    runner = new_project(folder, RELEASE)
    runner.create(RELEASE)
    with runner.databases.opened(RELEASE) as url:
        execute(url, f"INSERT INTO log (event, extra) SELECT 'x', md5(n::text) FROM generate_series(1, {MANY_ROWS}) n")
        pg_dump(url, folder / "plain", "plain")
    runner.run_well("db", "dump", str(folder / "ours"))
    runner.runtime.remove_data()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Moved]:
    """A project on a disk of its own, with a database and little room beside it."""
    folder = tmp_path / "disk"
    with small_disk_on(folder, "1g"):
        runner = Moved(folder / "project", make_clean_env(tmp_path))
        runner.write({"mwaa.yaml": f'AirflowVersion: "{RELEASE}"\n', "dags/a.py": ""})
        runner.create(RELEASE)
        yield runner


def leave_room(runner: Moved, megabytes: int) -> None:
    """Make the disk so small that only this is left."""
    folder = runner.root_dir.parent
    used = shutil.disk_usage(folder).used
    size = f"size={used // 1024 + megabytes * 1024}k"
    subprocess.run(["mount", "-o", f"remount,{size}", str(folder)], check=True)


@pytest.mark.full
@pytest.mark.parametrize(("name", "room_mb"), [("ours", ROOM_MB), ("plain", ROOM_MB), ("plain", 3 * ROOM_MB)])
def test_full_disk_is_told_and_the_database_is_as_it_was(
    small: Moved, large: Path, tmp_path: Path, name: str, room_mb: int
) -> None:
    """The server ends where it cannot write its log, and then tells its clients nothing."""
    before = small.rows_dumped(tmp_path / "rows")
    leave_room(small, room_mb)
    outcome = small.run("db", "restore", str(large / name), "--yes")
    assert outcome.exit_code == 3, outcome.stderr
    assert "error: no space left" in outcome.stderr or "error: cannot write the database" in outcome.stderr
    assert "No space left on device" in outcome.stderr
    assert "hint: make room" in outcome.stderr
    assert "Traceback" not in outcome.stderr and "psycopg2" not in outcome.stderr
    project = Project(small.root_dir)
    assert [path.name for path in project.database_dir.iterdir()] == [RELEASE]
    assert [path.name for path in project.state_dir.iterdir() if path.name.startswith("restor")] == []
    leave_room(small, 1000)
    assert small.rows_dumped(tmp_path / "rows") == before
    small.run_well("db", "restore", str(large / name), "--yes")
    assert small.rows(RELEASE, "SELECT count(*) FROM log WHERE event = 'x'") == [(MANY_ROWS,)]


UNAVAILABLE = "2.2.2"  # of Python 3.6 to 3.9
SYSTEM_PYTHONS = ("/usr/bin", "/usr/local/bin")  # where interpreters are found whatever is set


@pytest.fixture
def few_pythons(tmp_path: Path) -> Iterator[Moved]:
    """A project with a database, and an environment in which no interpreter is found but the system's and our own.

    With a cache of its own, where it is noted that none could be downloaded.
    """
    older = [path for folder in SYSTEM_PYTHONS for path in Path(folder).glob("python3.[6-9]")]
    if older:
        pytest.skip(f"this machine has {older[0]}")
    made = new_project(tmp_path, RELEASE)
    made.create(RELEASE)
    hidden = {
        "PATH": os.defpath,
        "PYENV_ROOT": str(tmp_path / "none"),
        "UV_PYTHON_INSTALL_DIR": str(tmp_path / "none"),
        "UV_PYTHON_INSTALL_MIRROR": "http://127.0.0.1:1",
        "UV_HTTP_RETRIES": "0",
        "MWAA_LOCAL_CACHE_DIR": str(tmp_path / "cache"),
    }
    yield Moved(made.root_dir, {**made.env, **hidden})
    made.runtime.remove_data()


def dump_of(version: str, path: Path) -> bytes:
    """Return a dump as if it were of another release, whole in itself."""
    head = read_head(path)
    body = path.read_bytes()[len(head.to_bytes()) :]
    rows = body[: body.rindex(CHECKSUM)]
    revisions = {**head.revisions, "alembic_version": Release.load(version).database_revision}
    whole = replace(head, airflow_version=version, revisions=revisions).to_bytes() + rows
    return whole + CHECKSUM + hashlib.sha256(whole).hexdigest().encode() + b"\n"


def state_of(project: Project) -> list[str]:
    """Return what is in the project's folders that a restore or an upgrade would change."""
    folders = (project.root_dir, project.state_dir, project.database_dir, project.state_dir / "snapshots")
    return sorted(str(path) for folder in folders if folder.is_dir() for path in folder.iterdir())


def assert_python_is_asked_for(stderr: str) -> None:
    assert f"error: no Python 3.7 for Airflow {UNAVAILABLE}" in stderr, stderr
    assert "runs on Python 3.6, 3.7, 3.8, 3.9; none was found" in stderr
    assert "hint: install one, for example: pyenv install 3.7" in stderr


def test_restore_without_the_python_of_the_dumps_release_says_how_to_get_it_and_changes_nothing(
    few_pythons: Moved, tmp_path: Path
) -> None:
    project = Project(few_pythons.root_dir)
    ours, foreign = tmp_path / "ours", tmp_path / "foreign"
    rows = few_pythons.rows_dumped(ours)
    foreign.write_bytes(dump_of(UNAVAILABLE, ours))
    before = state_of(project)
    outcome = few_pythons.run("db", "restore", str(foreign), "--yes")
    assert outcome.exit_code == 3, outcome.stderr
    assert_python_is_asked_for(outcome.stderr)
    assert "loaded" not in outcome.stderr
    assert state_of(project) == before
    assert few_pythons.rows_dumped(ours) == rows
