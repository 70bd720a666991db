"""A restore that was killed: found by the next command that changes the environment, tidied up, and said.

Nothing has to be undone: until the one transaction that replaces the rows is done, the database is as it was. Only
PostgreSQL knows whether that was done, and is asked.
"""

from __future__ import annotations

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class

from mwaa_local.database.load import mark_of
from mwaa_local.database.session import reading
from mwaa_local.database.tables import SCHEMA
from mwaa_local.errors import DatabaseInUse
from mwaa_local.restoring import record
from mwaa_local.restoring.record import BESIDE, SCRATCH_PREFIX, Record
from mwaa_local.restoring.restore import name_beside
from mwaa_local.runtime.choice import open_runtime
from mwaa_local.runtime.databases import Databases
from mwaa_local.scratch import remove_abandoned
from mwaa_local.workspace import Workspace

# What has become of the rows: the dump's are there, or those of before, or the database that was made for them is used
# by now, or there is no database any more.
IN, OUT, USED, GONE = "in", "out", "used", "gone"
JOBS = "job"  # every component of every Airflow that ever ran on a database has a row in this table


def settle(workspace: Workspace) -> str:
    """Tidy up what a killed restore left, and return in one line what has become of it; "" where there is nothing.

    Whoever calls holds the project. Raises DockerUnavailable where it was in Docker, which does not answer.
    """
    project = workspace.project
    at = record.load(project)
    if at is None:
        return ""
    runtime = open_runtime(at.runtime, project, workspace.env)
    runtime.databases.remove(name_beside(at.version))
    became = _without_new(runtime.databases, at, _became(runtime.databases, at))
    said = _line(at, became, is_running=runtime.running)
    remove_abandoned(SCRATCH_PREFIX, project.state_dir, grace_s=0.0)  # that of a restore may still be empty
    record.remove(project)
    return f"a restore of {at.source} into Airflow {at.version} was cut off: {said}"


def _became(databases: Databases, at: Record) -> str:
    """Return what has become of the rows. A server that was left at work on the database is ended by this."""
    if at.step == BESIDE and not at.is_new:
        return OUT
    if at.version not in databases.versions():
        return GONE
    with databases.opened(at.version) as url, reading(url) as connection, connection.cursor() as cursor:
        if at.mark and mark_of(cursor) == at.mark:
            return IN
        return USED if at.is_new and _is_used(cursor) else OUT


def _is_used(cursor: Cursor) -> bool:
    """Whether an Airflow ever ran on the database: it may have been started without a command of ours."""
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{SCHEMA}.{JOBS}",))
    if cursor.fetchone() != (True,):
        return False
    cursor.execute(f"SELECT EXISTS (SELECT FROM {SCHEMA}.{JOBS})")
    return cursor.fetchone() == (True,)


def _without_new(databases: Databases, at: Record, became: str) -> str:
    """Remove the database that was made for the restore, where nothing is in it; return what has become of it then."""
    if at.is_new and became == OUT:
        try:
            databases.remove(at.version)
        except DatabaseInUse:  # by whoever came meanwhile: what is made there is not ours to remove, now or later
            return USED
    return became


def _line(at: Record, became: str, *, is_running: bool) -> str:
    if became == USED:
        return "nothing of it is in; the database that was made for it is used by now, and stays"
    if at.step == BESIDE:
        return "nothing was changed; run it again"
    back = f"; `mwaa-local db restore {at.before}` brings back what was there" if at.before else ""
    if became == GONE and not at.is_new:
        return f"the database of Airflow {at.version} is not there any more{back}"
    if became == IN:
        start = "the environment runs" if is_running else "the environment is stopped: `mwaa-local up` starts it"
        return f"all of it is in, and {start}{back}"
    state, start = ("runs", "") if is_running else ("is stopped", ", or `mwaa-local up`")
    return f"the database is as it was, and the environment {state}; run it again{start}"
