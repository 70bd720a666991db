"""How far each file was sent, kept on disk: a private SQLite file, in which a change is whole or not there.

What is noted is what the log service has taken, so that whoever dies in the middle sends a batch again, and never
leaves one out.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from mwaa_local.logs.following import Place

PRIVATE_FILE_MODE = 0o600
FORMAT = 2
COLUMNS = "inode, offset, level, time_ms, stream, begins"
TABLES = f"""
CREATE TABLE IF NOT EXISTS places (
  key TEXT PRIMARY KEY, inode INTEGER, offset INTEGER, level TEXT, time_ms INTEGER, stream TEXT, begins TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS groups (name TEXT PRIMARY KEY, since_ms INTEGER) WITHOUT ROWID;
PRAGMA user_version = {FORMAT};
"""
# A process that dies loses nothing; a machine that loses power may forget the last moments, which are then sent again.
SETTINGS = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", "PRAGMA cache_size = -512")
UNREADABLE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
PRIMARY_CODE = 0xFF  # what is left of an extended error code


class _Unusable(Exception):
    """It was written by another version, or is damaged."""


class Places:
    """The places of one environment's files, by a key of whoever uses it: in one thread alone.

    What cannot be read any more, or is another version's, is begun anew: then `are_lost`. Raises sqlite3.Error for what
    may pass, such as a disk that is full.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.are_lost = False
        try:
            self._database = self._open()
        except (sqlite3.DatabaseError, _Unusable) as error:
            if isinstance(error, sqlite3.DatabaseError) and error.sqlite_errorcode & PRIMARY_CODE not in UNREADABLE:
                raise
            for each in path.parent.glob(f"{path.name}*"):
                each.unlink()
            self._database = self._open()
            self.are_lost = True
        self.are_used = bool(self.groups())  # whether a group was followed before

    def _open(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, PRIVATE_FILE_MODE))
        database = sqlite3.connect(self._path, isolation_level=None)
        try:
            for setting in SETTINGS:
                database.execute(setting)
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version not in (0, FORMAT):
                raise _Unusable
            if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise _Unusable
            database.executescript(TABLES)
        except (sqlite3.DatabaseError, _Unusable):
            database.close()
            raise
        return database

    def get(self, key: str) -> Place | None:
        """Return the place of a file; None for one that was never read."""
        found = self._database.execute(f"SELECT {COLUMNS} FROM places WHERE key = ?", (key,)).fetchone()
        return Place(*found) if found else None

    def put(self, key: str, place: Place) -> None:
        values = (key, place.inode, place.offset, place.level, place.time_ms, place.stream, place.begins)
        self._database.execute(f"INSERT OR REPLACE INTO places (key, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def keys(self) -> list[str]:
        return [key for (key,) in self._database.execute("SELECT key FROM places")]

    def forget(self, keys: Iterable[str]) -> None:
        self._database.executemany("DELETE FROM places WHERE key = ?", [(key,) for key in keys])

    def groups(self) -> dict[str, int]:
        """Return the groups that are followed, each with the time of the first event that it gets."""
        return dict(self._database.execute("SELECT name, since_ms FROM groups").fetchall())

    def follow(self, group: str, since_ms: int) -> None:
        self._database.execute("INSERT OR REPLACE INTO groups VALUES (?, ?)", (group, since_ms))

    def unfollow(self, group: str) -> None:
        self._database.execute("DELETE FROM groups WHERE name = ?", (group,))

    def close(self) -> None:
        self._database.close()
