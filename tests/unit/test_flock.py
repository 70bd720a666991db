"""Locks between processes: one holds, others try, wait or give up, and the kernel releases those of who dies."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mwaa_local import flock

HOLDER = """
import os, sys
from pathlib import Path
from mwaa_local import flock
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_CREAT)
flock.wait(fd, shared=sys.argv[2] == "shared")
print("held", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def holder(path: Path, how: str = "alone") -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that holds a lock until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.lock"


def attempt(path: Path, *, shared: bool = False) -> bool:
    fd = os.open(path, os.O_RDONLY)
    try:
        return flock.attempt(fd, shared=shared)
    finally:
        os.close(fd)


def test_only_one_takes_it_until_that_one_dies(path: Path) -> None:
    with holder(path) as process:
        assert flock.take(path) is None
        assert (attempt(path), attempt(path, shared=True)) == (False, False)
        process.kill()
        process.wait()
        fd = flock.take(path)
    assert fd is not None
    os.close(fd)


def test_shared_ones_bear_each_other_and_nobody_alone(path: Path) -> None:
    with holder(path, "shared"):
        assert (attempt(path), attempt(path, shared=True)) == (False, True)


def test_whoever_gives_up_leaves_nothing_open(path: Path) -> None:
    with holder(path):
        before = set(Path("/proc/self/fd").iterdir())
        assert flock.take(path, 0.05) is None
        assert set(Path("/proc/self/fd").iterdir()) == before


def test_lock_that_comes_free_in_time_is_taken(path: Path) -> None:
    with holder(path) as process:
        threading.Timer(0.1, process.kill).start()
        fd = flock.take(path, 60)
    assert fd is not None
    os.close(fd)


def test_held_waits_for_its_turn(path: Path) -> None:
    turns: list[str] = []
    asks = threading.Event()

    def second() -> None:
        asks.set()
        with flock.held(path):
            turns.append("second")

    with flock.held(path):
        thread = threading.Thread(target=second)
        thread.start()
        assert asks.wait(60)
        time.sleep(0.1)
        turns.append("first")
    thread.join(60)
    assert turns == ["first", "second"]


def test_lock_file_is_private(path: Path) -> None:
    with flock.held(path):
        assert path.stat().st_mode & 0o777 == flock.LOCK_MODE


def test_programs_that_are_started_do_not_hold_it(path: Path) -> None:
    fd = flock.take(path)
    assert fd is not None
    with subprocess.Popen(["sleep", "1000"], close_fds=False) as child:
        try:
            os.close(fd)
            assert attempt(path)
        finally:
            child.kill()
