"""How many task instances run and wait, out of the metadata database."""

from __future__ import annotations

from dataclasses import dataclass

from mwaa_local.database.health import Health


@dataclass(frozen=True)
class TaskCounts:
    """What workers have to do now, in whichever queue."""

    running: int
    queued: int  # handed to the executor, and not begun
    oldest_queued_s: float  # for how long the oldest of these has waited; 0 where there is none


def task_counts(health: Health) -> TaskCounts | None:
    """Return the counts; None when the database does not answer."""
    rows = health.query(
        "SELECT count(*) FILTER (WHERE state = 'running'), count(*) FILTER (WHERE state = 'queued'),"
        " coalesce(extract(epoch FROM now() - min(queued_dttm) FILTER (WHERE state = 'queued')), 0)::float8"
        " FROM task_instance WHERE state IN ('running', 'queued')"
    )
    if rows is None:
        return None
    [(running, queued, oldest_s)] = rows
    return TaskCounts(int(str(running)), int(str(queued)), max(float(str(oldest_s)), 0.0))
