"""Of which schema a metadata database is: the revision that Alembic, by which Airflow migrates, has left in it."""

from __future__ import annotations

from contextlib import closing

from mwaa_local.database.health import Health


def revision(url: str) -> str:
    """Return the revision of the database's schema, as `5f2621c13b39`; "" where it has none or does not answer.

    Which one a release's own migration leads to, says `Release.database_revision`. Several releases may share one.
    """
    with closing(Health(url, "")) as health:
        rows = health.query("SELECT version_num FROM public.alembic_version")
    return str(rows[0][0]) if rows else ""
