"""How far `mwaa-local db` has come with a large database, on a terminal and without one; and what a kill leaves."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mwaa_local.console import CLEARED, QUIET_S
from mwaa_local.files import PART_SUFFIX
from tests.conftest import COMMAND
from tests.contract.databases import execute
from tests.integration.moved import Moved, new_project

RELEASE = "2.10.3"
MANY_ROWS = 600_000
READ_BYTES = 1024 * 1024
WRITING = re.compile(rf"writing log: (\d+) of {MANY_ROWS} rows")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    runner = new_project(tmp_path_factory.mktemp("large"), RELEASE)
    runner.create(RELEASE)
    with runner.databases.opened(RELEASE) as url:
        execute(url, "DELETE FROM log")  # of what made the database
        execute(url, f"INSERT INTO log (event, extra) SELECT 'x', md5(n::text) FROM generate_series(1, {MANY_ROWS}) n")
    yield runner
    runner.runtime.remove_data()


def on_a_terminal(runner: Moved, *words: str) -> tuple[str, str]:
    """Return stdout, and what a terminal got that is stderr."""
    ours, theirs = pty.openpty()
    env = {name: value for name, value in runner.env.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    with subprocess.Popen(
        [*COMMAND, *words],
        cwd=runner.root_dir,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        said = b""
        try:
            while part := os.read(ours, READ_BYTES):
                said += part
        except OSError:  # how a terminal ends
            pass
        finally:
            os.close(ours)
        assert process.stdout is not None
        out = process.stdout.read().decode()
    assert process.returncode == 0, said
    return out, said.decode()


def assert_counted(said: str, pattern: str) -> None:
    numbers = [int(number) for number in re.findall(pattern, said)]
    assert numbers and numbers == sorted(set(numbers)), said


def test_terminal_shows_table_and_rows_in_one_line_and_json_stays_clean(large: Moved, tmp_path: Path) -> None:
    out, said = on_a_terminal(large, "db", "dump", str(tmp_path / "large"), "--json")
    assert json.loads(out)["tables"]["log"] == MANY_ROWS
    assert_counted(said, WRITING.pattern)
    *shown, last = said.split(CLEARED)
    assert last == "", "the line has gone again"
    assert all("\n" not in line for line in shown)
    out, said = on_a_terminal(large, "db", "restore", str(tmp_path / "large"), "--yes", "--json")
    assert json.loads(out)["rows"] >= MANY_ROWS
    assert_counted(said, rf"loading log: (\d+) of {MANY_ROWS} rows")


def test_short_work_says_nothing_of_its_progress_without_a_terminal(large: Moved, tmp_path: Path) -> None:
    began = time.monotonic()
    outcome = large.run("db", "snapshot", "short")
    assert outcome.exit_code == 0, outcome.stderr
    if time.monotonic() - began < QUIET_S:
        assert WRITING.search(outcome.stderr) is None


@pytest.mark.full
def test_long_work_says_how_far_it_is_in_a_plain_line_now_and_then(large: Moved) -> None:
    """It is long because nobody reads what is written."""
    with subprocess.Popen(
        [*COMMAND, "db", "dump", "-"],
        cwd=large.root_dir,
        env=dict(large.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        os.read(process.stdout.fileno(), 1)  # it has begun to write
        time.sleep(QUIET_S)
        process.stdout.read()
        said = process.stderr.read().decode()
    assert process.returncode == 0, said
    assert WRITING.search(said), said
    assert "\033" not in said and "\r" not in said


def test_what_a_killed_dump_left_beside_its_file_goes_with_the_next_dump_there(large: Moved, tmp_path: Path) -> None:
    with large.begin("db", "dump", str(tmp_path / "killed")) as command:
        while not any(path.name.endswith(PART_SUFFIX) and path.stat().st_size for path in tmp_path.iterdir()):
            assert command.poll() is None
            time.sleep(0.01)
        command.send_signal(signal.SIGKILL)
    assert [path.suffix for path in tmp_path.iterdir()] == [PART_SUFFIX]
    large.run_well("db", "dump", str(tmp_path / "whole"))
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]
