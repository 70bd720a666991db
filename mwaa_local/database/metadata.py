"""What the metadata database says about DAGs, import errors, DAG runs and task instances, the same for every release.

Releases differ in columns: a row is read as JSON, where a column that a release does not have is null. Two things are
written, as Airflow's own API would: whether a DAG is paused, and that a run will not be waited for any longer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

from mwaa_local.database.health import Health

FINAL_RUN_STATES = ("success", "failed")
# States in which a task instance stays, `removed` aside; Airflow's `State.finished`.
FINAL_TASK_STATES = ("success", "failed", "skipped", "upstream_failed", "removed")
NO_STATE = "none"  # not looked at by the scheduler yet
UNMAPPED = -1  # Airflow's map_index of a task that is not mapped


@dataclass(frozen=True)
class Dag:
    """A DAG that can be triggered. `file` is relative to dags/ where it is there."""

    dag_id: str
    file: str
    tags: tuple[str, ...]
    is_paused: bool
    max_active_runs: int
    parsed: float  # epoch seconds


@dataclass(frozen=True)
class ImportFailure:
    """A file that cannot be imported, and the whole traceback."""

    file: str
    trace: str
    time: float


@dataclass(frozen=True)
class RunRow:
    """One DAG run as it is now."""

    dag_id: str
    run_id: str
    state: str
    logical_date: str  # empty where it has none

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_RUN_STATES


@dataclass(frozen=True)
class TaskRow:
    """One task instance as it is now."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    state: str  # NO_STATE where it has none
    tries: int
    max_tries: int
    elapsed_s: float  # of the newest try; 0 while it has not begun
    operator: str
    pool: str
    queue: str
    host: str

    @property
    def name(self) -> str:
        """The task's id, with its map index in brackets."""
        return self.task_id if self.map_index == UNMAPPED else f"{self.task_id}[{self.map_index}]"

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_TASK_STATES


@dataclass(frozen=True)
class RunningTask:
    """Where a task instance runs: the host that its worker gave, and its process there; 0 where it has none yet."""

    host: str
    pid: int


@dataclass(frozen=True)
class ExecutorLoad:
    """What the executor has: task instances that run, and how many are on their way to a worker."""

    running: tuple[RunningTask, ...]
    queued: int


class Metadata:
    """Questions to one environment's metadata database. `dags_dirs` are the names under which it knows dags/."""

    def __init__(self, health: Health, dags_dirs: Sequence[str]) -> None:
        self._health = health
        self._dags_dirs = tuple(PurePosixPath(folder) for folder in dags_dirs)

    def dags(self) -> list[Dag] | None:
        """Return the DAGs that can be triggered, by id; None when the database does not answer."""
        rows = self._health.query(
            "SELECT d.dag_id, coalesce(to_jsonb(d)->>'relative_fileloc', d.fileloc),"
            " (SELECT coalesce(json_agg(t.name ORDER BY t.name), '[]')::text FROM dag_tag t WHERE t.dag_id = d.dag_id),"
            " coalesce(d.is_paused, false), coalesce((to_jsonb(d)->>'max_active_runs')::int, 0),"
            # Before Airflow 2.1 the column has another name.
            " coalesce(extract(epoch FROM coalesce(to_jsonb(d)->>'last_parsed_time',"
            " to_jsonb(d)->>'last_scheduler_run')::timestamptz), 0)::float8"
            " FROM dag d WHERE EXISTS (SELECT 1 FROM serialized_dag s WHERE s.dag_id = d.dag_id)"
            " AND NOT coalesce((to_jsonb(d)->>'is_stale')::boolean, false)"
            " AND coalesce((to_jsonb(d)->>'is_active')::boolean, true) ORDER BY d.dag_id"
        )
        if rows is None:
            return None
        return [
            Dag(str(dag_id), self._relative(file), tuple(json.loads(str(tags))), bool(paused), _int(most), _float(time))
            for dag_id, file, tags, paused, most, time in rows
        ]

    def import_failures(self) -> list[ImportFailure]:
        """Return every file that cannot be imported, by name."""
        rows = self._health.query(
            "SELECT filename, stacktrace, coalesce(extract(epoch FROM timestamp), 0)::float8"
            " FROM import_error ORDER BY filename"
        )
        return [
            ImportFailure(self._relative(file), str(trace).strip(), _float(time)) for file, trace, time in rows or []
        ]

    def runs(self, run_ids: Sequence[str]) -> list[RunRow] | None:
        """Return these runs; None when the database does not answer."""
        rows = self._health.query(
            "SELECT dag_id, run_id, state, coalesce(to_jsonb(r)->>'logical_date', to_jsonb(r)->>'execution_date', '')"
            " FROM dag_run r WHERE run_id = ANY(%s)",
            (list(run_ids),),
        )
        if rows is None:
            return None
        return [RunRow(str(dag_id), str(run_id), str(state), _in_utc(date)) for dag_id, run_id, state, date in rows]

    def active_runs(self, dag_id: str) -> list[str]:
        """Return the ids of the DAG's runs that are running now, the longest first."""
        rows = self._health.query(
            "SELECT run_id FROM dag_run WHERE dag_id = %s AND state = 'running' ORDER BY start_date", (dag_id,)
        )
        return [str(run_id) for (run_id,) in rows or []]

    def task_instances(self, run_ids: Sequence[str]) -> list[TaskRow] | None:
        """Return the runs' task instances in the order in which they started; None without an answer."""
        rows = self._health.query(
            "SELECT t.dag_id, r.run_id, t.task_id, coalesce((to_jsonb(t)->>'map_index')::int, %s),"
            " coalesce(t.state, %s), coalesce(t.try_number, 0), coalesce(t.max_tries, 0),"
            " coalesce(extract(epoch FROM coalesce(t.end_date, now()) - t.start_date), 0)::float8,"
            " coalesce(t.operator, ''), coalesce(t.pool, ''), coalesce(t.queue, ''), coalesce(t.hostname, '')"
            f" FROM task_instance t JOIN dag_run r ON {self._health.run_of_task} WHERE r.run_id = ANY(%s)"
            " ORDER BY t.start_date NULLS LAST, t.task_id, 4",
            (UNMAPPED, NO_STATE, list(run_ids)),
        )
        return None if rows is None else [_task(row) for row in rows]

    def executor_load(self) -> ExecutorLoad | None:
        """Return what Airflow's executor has to do; None when the database does not answer."""
        rows = self._health.query(
            "SELECT state, coalesce(hostname, ''), coalesce((to_jsonb(t)->>'pid')::int, 0) FROM task_instance t"
            # `restarting` is one that runs and was cleared.
            " WHERE state IN ('running', 'restarting', 'queued')"
        )
        if rows is None:
            return None
        running = tuple(RunningTask(str(host), _int(pid)) for state, host, pid in rows if state != "queued")
        return ExecutorLoad(running, len(rows) - len(running))

    def pools(self) -> dict[str, int]:
        """Return {pool: slots}; no answer is an empty mapping."""
        rows = self._health.query("SELECT pool, slots FROM slot_pool")
        return {str(pool): _int(slots) for pool, slots in rows or []}

    def set_paused(self, dag_ids: Sequence[str], *, paused: bool) -> None:
        """Pause or unpause DAGs, as `airflow dags pause` does for one."""
        self._health.query("UPDATE dag SET is_paused = %s WHERE dag_id = ANY(%s) RETURNING 1", (paused, list(dag_ids)))

    def give_up(self, run_ids: Sequence[str]) -> None:
        """Mark these runs and their tasks as failed unless ended: workers end the tasks, and nothing is retried."""
        self._health.query(
            "UPDATE dag_run SET state = 'failed', end_date = now() WHERE run_id = ANY(%s) AND state <> ALL(%s)"
            " RETURNING 1",
            (list(run_ids), list(FINAL_RUN_STATES)),
        )
        self._health.query(
            "UPDATE task_instance t SET state = 'failed', end_date = now() FROM dag_run r"
            f" WHERE {self._health.run_of_task} AND r.run_id = ANY(%s)"
            " AND (t.state IS NULL OR t.state <> ALL(%s)) RETURNING 1",
            (list(run_ids), list(FINAL_TASK_STATES)),
        )

    def _relative(self, file: object) -> str:
        """Return a file's name below dags/ where it is there."""
        path = PurePosixPath(str(file))
        for folder in self._dags_dirs:
            if path.is_relative_to(folder):
                return str(path.relative_to(folder))
        return str(path)


def _task(row: tuple[object, ...]) -> TaskRow:
    dag_id, run_id, task_id, map_index, state, tries, most, elapsed_s, operator, pool, queue, host = row
    return TaskRow(
        dag_id=str(dag_id),
        run_id=str(run_id),
        task_id=str(task_id),
        map_index=_int(map_index),
        state=str(state),
        tries=_int(tries),
        max_tries=_int(most),
        elapsed_s=_float(elapsed_s),
        operator=str(operator),
        pool=str(pool),
        queue=str(queue),
        host=str(host),
    )


def _in_utc(date: object) -> str:
    """Return the time as Airflow writes it into names of folders; the database has it in the server's time zone."""
    return datetime.fromisoformat(str(date)).astimezone(UTC).isoformat() if date else ""


def _int(value: object) -> int:
    return int(str(value))


def _float(value: object) -> float:
    return float(str(value))
