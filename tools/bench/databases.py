"""Look into the metadata database of a running Airflow, ours and that of `airflow standalone`."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from mwaa_local.database.health import Health


class Database(Protocol):
    """The metadata database. Queries are in PostgreSQL's style; no answer and no row are the same: empty."""

    def query(self, query: str, *values: str) -> list[tuple[object, ...]]: ...


class PostgresDatabase:
    """Ours, asked through the product's own connection."""

    def __init__(self, database_url: str, broker_url: str) -> None:
        self._health = Health(database_url, broker_url)

    def query(self, query: str, *values: str) -> list[tuple[object, ...]]:
        return self._health.query(query, values) or []


class SqliteDatabase:
    """The file of `airflow standalone`, opened for reading only and never for long: it has one writer at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def query(self, query: str, *values: str) -> list[tuple[object, ...]]:
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as connection:
                return connection.execute(query.replace("%s", "?"), values).fetchall()
        except sqlite3.OperationalError:  # not made yet, or busy: asked again
            return []


@dataclass(frozen=True)
class RunTimes:
    """One DAG run; times in epoch seconds."""

    state: str
    queued: float
    ended: float


def run_times(database: Database, dag_id: str, run_id: str) -> RunTimes | None:
    """Return the times of a DAG run that has ended, else None."""
    rows = database.query(
        "SELECT state, queued_at, end_date FROM dag_run WHERE dag_id = %s AND run_id = %s AND end_date IS NOT NULL",
        dag_id,
        run_id,
    )
    if not rows:
        return None
    state, queued, ended = rows[0]
    return RunTimes(str(state), epoch(queued), epoch(ended))


def is_listed(database: Database, dag_id: str) -> bool:
    return bool(database.query("SELECT 1 FROM dag WHERE dag_id = %s", dag_id))


def can_be_triggered(database: Database, dag_id: str) -> bool:
    return bool(database.query("SELECT 1 FROM serialized_dag WHERE dag_id = %s", dag_id))


def epoch(value: object) -> float:
    """Return a database's time, which is UTC where it names no zone, in epoch seconds."""
    time_value = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return (time_value if time_value.tzinfo else time_value.replace(tzinfo=UTC)).timestamp()
