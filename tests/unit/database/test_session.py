"""What a server says in its log, told from what it cites there."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.database.connection import database_url
from mwaa_local.database.session import line_of_full_server
from mwaa_local.errors import DatabaseMissing
from mwaa_local.runtime.ports import free_port
from mwaa_local.runtime.process.lone_server import lone_server
from mwaa_local.runtime.process.servers import DatabaseTemplates, Migration, find_binaries, postgres_argv
from tests.contract.databases import execute
from tests.unit.database.servers import SERVER_ENV

FULL = 'could not extend file "base/16384/1259": No space left on device'
PREFIX = "2026-11-30 20:20:00.123 UTC [42] "  # of the servers in containers


@pytest.mark.parametrize("prefix", ["", PREFIX], ids=["process", "container"])
@pytest.mark.parametrize("severity", ["ERROR", "FATAL", "PANIC", "LOG", "WARNING"])
def test_server_without_room_says_so(prefix: str, severity: str) -> None:
    line = f"{prefix}{severity}:  {FULL}"
    assert line_of_full_server(f"{prefix}LOG:  starting\n{line}\n{prefix}HINT:  Check free disk space.\n") == line


@pytest.mark.parametrize("prefix", ["", PREFIX], ids=["process", "container"])
@pytest.mark.parametrize(
    "text",
    [
        "DETAIL:  Key (key)=(No space left on device) already exists.",
        'CONTEXT:  COPY log, line 1, column extra: "secret: No space left on device"',
        "STATEMENT:  INSERT INTO log VALUES ('secret: No space left on device')",
        'ERROR:  invalid input syntax for type integer: "secret: No space left on device"',
        'ERROR:  invalid input syntax for type integer: "a "b" secret: No space left on device',
        f"STATEMENT:  INSERT\n\tERROR:  {FULL}",
    ],
)
def test_what_a_row_says_is_no_word_of_the_server(prefix: str, text: str) -> None:
    assert line_of_full_server(f"{prefix}LOG:  starting\n{prefix}{text}\n") == ""


def test_error_beside_such_a_row_stays_what_it_is(tmp_path: Path) -> None:
    port, binaries, passwords = free_port(), find_binaries(), list[str]()
    templates = DatabaseTemplates(tmp_path / "cache", binaries, SERVER_ENV, port)
    templates.create(
        tmp_path / "data", Migration("empty", (), lambda url: {}, tmp_path), lambda text: None, passwords.append
    )
    url = database_url(port, passwords[-1])
    argv = postgres_argv(binaries, tmp_path / "data", port)
    with pytest.raises(DatabaseMissing), lone_server(argv, SERVER_ENV, url, tmp_path / "log"):
        with pytest.raises(Exception, match="duplicate"):
            execute(url, "CREATE TABLE t (k text PRIMARY KEY); INSERT INTO t VALUES ('No space left on device')")
            execute(url, "INSERT INTO t VALUES ('No space left on device')")
        raise DatabaseMissing("something else")
    assert "No space left on device" in (tmp_path / "log").read_text()
