"""Logs that go on in a new file when one is full: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.logs import following, opened, streams
from mwaa_local.logs.files import Kind, StreamFile, airflow_logs_dir, stream_files
from mwaa_local.logs.following import FileEvents
from mwaa_local.logs.groups import Group
from mwaa_local.project import Project
from mwaa_local.runtime.logfile import LogFile

ROOM = 800  # bytes: for some twenty lines


def messages(events: FileEvents, *, parts: int | None = None) -> list[str]:
    """Read on as one that begins anew does; at most so many parts."""
    anew = FileEvents(events.file, events.place)
    found: list[str] = []
    for number, part in enumerate(anew.new(), 1):
        found += [event.message for event in part]
        events.place = anew.place
        if number == parts:
            return found
    events.place = anew.place
    return found


@pytest.fixture
def log(tmp_path: Path) -> LogFile:
    return LogFile(tmp_path / "scheduler.log", max_bytes=ROOM)


@pytest.fixture
def events(log: LogFile) -> FileEvents:
    return FileEvents(StreamFile(log.path, "", Kind.COMPONENT))


def write(log: LogFile, first: int, behind: int) -> None:
    for number in range(first, behind):
        log.write("out", f"{number}")


def turn(log: LogFile, number: int) -> int:
    """Write until the file was put aside; return how many lines there are."""
    before = log.path.stat().st_ino
    while log.path.stat().st_ino == before:
        log.write("out", f"{number}")
        number += 1
    return number


def older(log: LogFile) -> Path:
    return log.path.with_name("scheduler.log.1")


def lines(first: int, behind: int) -> list[str]:
    return [f"{number}" for number in range(first, behind)]


def test_a_new_file_with_the_inode_of_an_older_one_is_another(log: LogFile, events: FileEvents) -> None:
    write(log, 0, 5)
    assert messages(events) == lines(0, 5)
    written = turn(log, turn(log, 5))
    write(log, written, written + 8)
    kept = int(older(log).read_text().split()[2])  # the first line of what was put aside last
    # As on file systems that give a freed inode to the next file.
    events.place = replace(events.place, inode=log.path.stat().st_ino)
    assert messages(events) == lines(kept, written + 8)
    assert messages(events) == []


@pytest.mark.parametrize("read_each", [3, 17, 20])
def test_every_line_is_read_once_over_rotations(log: LogFile, events: FileEvents, read_each: int) -> None:
    found = []
    for number in range(400):
        write(log, number, number + 1)
        if number % read_each == 0:
            found += messages(events)
    assert [*found, *messages(events)] == lines(0, 400)


def test_reading_goes_on_in_the_middle_of_what_was_put_aside(
    log: LogFile, events: FileEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "READ_BYTES", 100)
    write(log, 0, 30)
    found: list[str] = []
    while more := messages(events, parts=1):
        found += more
    assert found == lines(0, 30)


def test_an_empty_new_file_does_not_hide_the_next_rotation(log: LogFile, events: FileEvents) -> None:
    write(log, 0, 1)
    first = turn(log, 1)
    assert messages(events) == lines(0, first)
    second = turn(log, first)
    assert messages(events) == lines(first, second)
    assert messages(events) == []


def test_a_file_put_aside_between_two_openings_is_read(
    log: LogFile, events: FileEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(log, 0, 3)
    assert len(messages(events)) == 3
    written = turn(log, 3)
    write(log, written, written + 3)
    opening, count, behind = opened._open, 0, 0

    def put_aside_meanwhile(*words: Any) -> Any:
        nonlocal count, behind
        count += 1
        if count == 2:  # `.1` is open, and is about to be replaced
            behind = turn(log, written + 3)
        return opening(*words)

    monkeypatch.setattr(opened, "_open", put_aside_meanwhile)
    found = messages(events)
    assert found == lines(3, behind)
    assert messages(events) == []


def manager(tmp_path: Path) -> tuple[logging.Logger, Callable[[], StreamFile]]:
    project = Project(tmp_path)
    path = airflow_logs_dir(project) / streams.MANAGER_DIR / "dag_processor_manager.log"
    path.parent.mkdir(parents=True)
    logger = logging.Logger("manager")
    handler = RotatingFileHandler(path, maxBytes=1500, backupCount=5)  # Airflow 2: 100 MB, 5
    handler.setFormatter(logging.Formatter("[%(asctime)s] {manager.py:1} INFO - %(message)s"))
    logger.addHandler(handler)

    def file() -> StreamFile:
        (only,) = stream_files(project, Group.DAG_PROCESSING)
        return only

    return logger, file


def test_the_manager_of_airflow_2_is_one_stream_over_its_rotations(tmp_path: Path) -> None:
    logger, file = manager(tmp_path)
    logger.info("0")
    events = FileEvents(file())
    found: list[str] = []
    for number in range(1, 200):
        logger.info("%s", number)
        if number % 60 == 0:  # two or three files
            found += messages(events)
    os.utime(file().path, (1, 1))
    found += messages(events)
    assert [message.rpartition(" ")[2] for message in found] == lines(0, 200)
    assert len(list(file().path.parent.iterdir())) > 4
