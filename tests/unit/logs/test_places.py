"""How far files were sent, on a disk that is damaged, full, locked, or has another version's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mwaa_local.logs.following import Place
from mwaa_local.logs.shipping import places as module
from mwaa_local.logs.shipping.places import Places

PLACE = Place(7, 100, "ERROR", 1764504056340, "a stream", "2025-11-30T12:00:44.064681+00:00 \xff")


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "logs.sqlite"
    with closing(Places(path)) as places:
        assert not places.are_used
        for number in range(2000):
            places.put(f"Task:/{number}", PLACE)
        places.follow("Task", 5)
    yield path


def test_places_are_there_for_the_next_one(path: Path) -> None:
    with closing(Places(path)) as places:
        assert places.get("Task:/7") == PLACE
        assert places.get("Task:/none") is None
        assert places.groups() == {"Task": 5}
        assert (places.are_used, places.are_lost) == (True, False)
    assert path.stat().st_mode & 0o777 == 0o600


def damage_all(path: Path) -> None:
    path.write_bytes(b"no database at all, " * 400)


def damage_some(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * 5000)


def another_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {module.FORMAT + 1}")


@pytest.mark.parametrize("happens", [damage_all, damage_some, another_version])
def test_what_cannot_be_read_is_begun_anew_and_says_so(path: Path, happens: object) -> None:
    assert callable(happens)
    happens(path)
    with closing(Places(path)) as places:
        assert (places.keys(), places.are_used, places.are_lost) == ([], False, True)
        places.put("Task:/1", PLACE)
    with closing(Places(path)) as places:
        assert places.get("Task:/1") == PLACE


def test_a_lock_of_another_process_removes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTINGS", ("PRAGMA busy_timeout = 1", *module.SETTINGS))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            Places(path)
        other.execute("ROLLBACK")
    with closing(Places(path)) as places:
        assert len(places.keys()) == 2000


def test_a_file_that_cannot_be_opened_removes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TABLES", "PRAGMA page_count; PRAGMA max_page_count = 1; CREATE TABLE more AS SELECT 1")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        Places(path)
    monkeypatch.undo()
    with closing(Places(path)) as places:
        assert len(places.keys()) == 2000
