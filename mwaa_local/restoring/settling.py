"""A restore that was killed: found by the next command that changes the environment, tidied up, and said.

Nothing has to be undone: until the one transaction that replaces the rows is done, the database is as it was. Only
PostgreSQL knows whether that was done, and is asked.
"""

from __future__ import annotations

import contextlib

import psycopg2

from mwaa_local.restoring import record
from mwaa_local.restoring.record import BESIDE, Record
from mwaa_local.restoring.restore import SCRATCH_PREFIX, name_beside
from mwaa_local.runtime.choice import open_runtime
from mwaa_local.runtime.databases import Databases
from mwaa_local.scratch import remove_abandoned
from mwaa_local.workspace import Workspace

COMMITTED = "committed"  # as pg_xact_status has it


def settle(workspace: Workspace) -> str:
    """Tidy up what a killed restore left, and return in one line what has become of it; "" where there is nothing.

    Whoever calls holds the project. Raises DockerUnavailable where it was in Docker, which does not answer.
    """
    project = workspace.project
    at = record.load(project)
    if at is None:
        return ""
    databases = open_runtime(at.runtime, project, workspace.env).databases
    databases.remove(name_beside(at.version))
    is_in = at.step != BESIDE and _is_in(databases, at)
    if at.is_new and not is_in:
        databases.remove(at.version)
    remove_abandoned(SCRATCH_PREFIX, project.state_dir, grace_s=0.0)
    record.remove(project)
    return f"a restore of {at.source} into Airflow {at.version} was cut off: {_what_became(at, is_in=is_in)}"


def _is_in(databases: Databases, at: Record) -> bool:
    """Whether the rows of the dump are there. A server that was left at work on the database is ended by this."""
    if at.version not in databases.versions():
        return False
    with databases.opened(at.version) as url:
        if not at.transaction:
            return False
        with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_xact_status(%s::xid8)", (at.transaction,))
            return cursor.fetchone() == (COMMITTED,)


def _what_became(at: Record, *, is_in: bool) -> str:
    if at.step == BESIDE:
        return "nothing was changed; run it again"
    if not is_in:
        return "the database is as it was, and the environment is stopped; run it again, or `mwaa-local up`"
    back = f"; `mwaa-local db restore {at.before}` brings back what was there" if at.before else ""
    return f"all of it is in, and the environment is stopped: `mwaa-local up` starts it{back}"
