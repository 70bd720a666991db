"""How far rows have come is told, by a real PostgreSQL: which table, how many, and never too often."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mwaa_local.database.dump import write_dump
from mwaa_local.database.dump_format import checked_head
from mwaa_local.database.load import load_dump
from mwaa_local.database.pg_dump import Kind, replace_by_import
from mwaa_local.database.progress import PAUSE_S, Progress
from mwaa_local.event import COUNTING, Event
from mwaa_local.runtime.process.servers import find_binaries
from tests.unit.database.servers import Server

ROWS = 600_000  # more than go in or out within the pause between two reports
SCHEMA = """
    CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
    INSERT INTO alembic_version VALUES ('5f2621c13b39');
    CREATE TABLE few (id int PRIMARY KEY);
    CREATE TABLE log (id int PRIMARY KEY, extra text);
"""
FILL = f"INSERT INTO few VALUES (1); INSERT INTO log SELECT n, md5(n::text) FROM generate_series(1, {ROWS}) n"


def counted(events: list[Event], doing: str, of_all: str) -> list[int]:
    """Return the numbers that were told of the large table; fails for anything else that was told."""
    assert {event.state for event in events} == {COUNTING}
    found = [event.detail for event in events if event.detail.startswith(f"{doing} log: ")]
    assert found, events
    return [int(detail.removeprefix(f"{doing} log: ").removesuffix(f"{of_all} rows")) for detail in found]


def assert_rising(numbers: list[int]) -> None:
    assert numbers == sorted(set(numbers))
    assert 0 < numbers[0] <= numbers[-1] <= ROWS


@pytest.fixture(scope="module")
def large(server: Server) -> str:
    return server.new("large", SCHEMA + FILL)


def test_rows_are_told_as_they_are_written_read_and_loaded(server: Server, large: str, tmp_path: Path) -> None:
    written: list[Event] = []
    path = tmp_path / "large.gz"
    write_dump(large, path, airflow_version="2.10.3", fernet_key="", tell=written.append)
    assert_rising(counted(written, "writing", f" of {ROWS}"))
    read: list[Event] = []
    checked_head(path, read.append)
    assert_rising(counted(read, "reading", f" of {ROWS}"))
    loaded: list[Event] = []
    load_dump(server.new("target", SCHEMA), path, fernet_key="", tell=loaded.append)
    assert_rising(counted(loaded, "loading", f" of {ROWS}"))


def test_rows_of_pg_dump_are_told_as_they_are_imported(server: Server, large: str, tmp_path: Path) -> None:
    path, bin_dir, parts = tmp_path / "large.sql", find_binaries().postgres.parent, urlsplit(large)
    argv = [str(bin_dir / "pg_dump"), "--host=127.0.0.1", f"--port={parts.port}", f"--username={parts.username}"]
    env = {"PATH": os.defpath, "PGPASSWORD": parts.password or ""}
    subprocess.run([*argv, f"--file={path}", "large"], env=env, check=True)
    imported: list[Event] = []
    replace_by_import(server.new("target"), path, Kind.PLAIN, bin_dir, imported.append)
    assert_rising(counted(imported, "importing", ""))
    assert server.rows("target", "SELECT count(*) FROM log") == [(ROWS,)]


def test_it_is_told_once_in_the_pause_whatever_the_rows() -> None:
    now, told = [0.0], list[Event]()
    progress = Progress(told.append, "loading", clock=lambda: now[0])
    progress.begin("few", 10)
    for _ in range(10):
        progress.add(1)
    assert told == [], "what is done at once is not told at all"
    now[0] += PAUSE_S
    progress.begin("log", 300)
    progress.add(100)
    progress.add(100)
    now[0] += PAUSE_S
    progress.add(50)
    assert [event.detail for event in told] == ["loading log: 100 of 300 rows", "loading log: 250 of 300 rows"]
