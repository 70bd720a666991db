"""Signs of life from the metadata database and the broker. The only owner of psycopg2 and redis.

Used by the supervisor for readiness and by `status` for figures; both keep one Health for many questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg2
import redis
from psycopg2 import sql

CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT_MS = 3000
# Airflow's own limit: a scheduler, DAG processor or triggerer with an older heartbeat is unhealthy (the default of
# `scheduler_health_check_threshold` and its namesakes). docker/entrypoint/, which cannot import this, has it too.
HEARTBEAT_LIMIT_S = 30


@dataclass(frozen=True)
class Heartbeat:
    """The newest heartbeat of a job type, in epoch seconds."""

    job_type: str
    time: float


class Health:
    """Questions to one environment's servers. Answers are None or empty when a server does not answer."""

    def __init__(self, database_url: str, broker_url: str) -> None:
        self.database_url = database_url
        self.broker_url = broker_url
        self._connection: psycopg2.extensions.connection | None = None
        self._has_run_id: bool | None = None
        self.last_error = ""

    def database_answers(self) -> bool:
        return self.query("SELECT 1") is not None

    def heartbeats(self) -> list[Heartbeat]:
        """Return the newest heartbeat of every job type that has one."""
        rows = self.query("SELECT job_type, max(latest_heartbeat) FROM job WHERE state = 'running' GROUP BY job_type")
        return [Heartbeat(str(kind), _epoch(time)) for kind, time in rows or [] if isinstance(time, datetime)]

    def newest_heartbeats(self, job_type: str, count: int) -> list[float]:
        """Return the last heartbeats of so many jobs of this type, in epoch seconds, the newest first."""
        rows = self.query(
            "SELECT latest_heartbeat FROM job WHERE job_type = %s AND state = 'running'"
            " AND latest_heartbeat IS NOT NULL ORDER BY latest_heartbeat DESC LIMIT %s",
            (job_type, count),
        )
        return [_epoch(time) for (time,) in rows or [] if isinstance(time, datetime)]

    def heartbeat_since(self, job_type: str, since: float, count: int = 1) -> bool:
        """Say whether a job of this type was started after `since` (epoch seconds), and so many have sent a heartbeat.

        The start matters: the row of a previous run still carries its last heartbeat and looks alive. Those beside it
        may have begun before.
        """
        rows = self.query(
            "SELECT max(start_date) >= to_timestamp(%s) FROM job WHERE job_type = %s AND state = 'running'"
            " AND latest_heartbeat >= to_timestamp(%s) HAVING count(*) >= %s",
            (since, job_type, since, count),
        )
        return bool(rows and rows[0][0])

    def broker_answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.broker_url, socket_timeout=CONNECT_TIMEOUT_S) as client:
                return bool(client.ping())
        except redis.RedisError as error:
            self.last_error = str(error)
            return False

    def queue_length(self, queue: str) -> int | None:
        """Return how many messages wait in the queue, not counting those that a worker holds."""
        try:
            with redis.Redis.from_url(self.broker_url, socket_timeout=CONNECT_TIMEOUT_S) as client:
                return int(client.llen(queue))
        except redis.RedisError as error:
            self.last_error = str(error)
            return None

    def import_error_count(self) -> int:
        """Return how many DAG files failed to import."""
        rows = self.query("SELECT count(*) FROM import_error")
        return int(str(rows[0][0])) if rows else 0

    def dag_count(self) -> int | None:
        """Return how many active DAGs the metadata database lists."""
        column = "is_stale" if self.query("SELECT is_stale FROM dag LIMIT 0") is not None else None
        where = "NOT is_stale" if column else "is_active"
        rows = self.query(f"SELECT count(*) FROM dag WHERE {where}")
        return int(rows[0][0]) if rows else None  # type: ignore[call-overload]

    def dag_is_paused(self, dag_id: str) -> bool:
        return bool(self.query("SELECT 1 FROM dag WHERE dag_id = %s AND is_paused", (dag_id,)))

    def dag_run_state(self, dag_id: str, run_id: str) -> str | None:
        rows = self.query("SELECT state FROM dag_run WHERE dag_id = %s AND run_id = %s", (dag_id, run_id))
        return str(rows[0][0]) if rows else None

    def task_states(self, dag_id: str, run_id: str) -> list[tuple[str, str]]:
        """Return (task, state) of a DAG run, in the order in which they started."""
        rows = self.query(
            f"SELECT t.task_id, coalesce(t.state, 'none') FROM task_instance t JOIN dag_run r ON {self.run_of_task}"
            " WHERE r.dag_id = %s AND r.run_id = %s ORDER BY t.start_date NULLS LAST, t.task_id",
            (dag_id, run_id),
        )
        return [(str(task), str(state)) for task, state in rows or []]

    @property
    def run_of_task(self) -> str:
        """Return the SQL condition that joins a task instance `t` with its DAG run `r`."""
        by_run = self._tasks_have_run_id is not False
        return f"t.dag_id = r.dag_id AND {'t.run_id = r.run_id' if by_run else 't.execution_date = r.execution_date'}"

    @property
    def _tasks_have_run_id(self) -> bool | None:
        """Say whether task instances name their run, as from Airflow 2.2 on; None without an answer."""
        if self._has_run_id is None:
            rows = self.query(
                "SELECT count(*) FROM information_schema.columns"
                " WHERE table_name = 'task_instance' AND column_name = 'run_id'"
            )
            self._has_run_id = bool(rows[0][0]) if rows else None
        return self._has_run_id

    def create_database(self, name: str) -> None:
        """Create an empty database on the server. Raises psycopg2.Error, which here is a bug."""
        assert self._connection is not None
        with self._connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def query(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]] | None:
        """Return the rows of a query, or None when the database does not answer or refuses it.

        A statement that changes something has to return rows as well: `UPDATE … RETURNING`.
        """
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg2.connect(
                    self.database_url,
                    connect_timeout=CONNECT_TIMEOUT_S,
                    options=f"-c statement_timeout={STATEMENT_TIMEOUT_MS}",
                    application_name="mwaa-local",
                )
                self._connection.autocommit = True
            with self._connection.cursor() as cursor:
                cursor.execute(query, values)
                return cursor.fetchall()
        except psycopg2.Error as error:
            self.last_error = str(error).strip()
            if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
                self.close()
            return None


def _epoch(time: datetime) -> float:
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
