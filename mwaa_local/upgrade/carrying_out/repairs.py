"""What a downgrade from Airflow 3.2 and later needs beside Airflow's own `db downgrade`, as MWAA's image does it.

Source: amazon-mwaa-docker-images, images/airflow/3.3.1/python/mwaa/database/migrate_with_downgrade.py. It repairs for
3.0.6 and 2.11.0; here 2.11.2 is treated alike, which it leaves out.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import psycopg2
from psycopg2 import sql

from mwaa_local.release import Release

# From here on arguments of deferred tasks are kept in another form, and FAB's tables as SQLAlchemy 2 makes them.
CHANGED_IN = "3.2.1"
DEFERRED_PROGRAM = Path(__file__).parents[2] / "guest" / "deferred_arguments.py"
# The schema of FAB that the provider 2.4.1 and older ones have.
FAB_DOWNGRADE_ARGV = ("fab-db", "downgrade", "--to-version", "1.4.0", "--yes")
FAB_TABLES = (
    "ab_group",
    "ab_group_role",
    "ab_permission",
    "ab_permission_view",
    "ab_permission_view_role",
    "ab_register_user",
    "ab_role",
    "ab_user",
    "ab_user_group",
    "ab_user_role",
    "ab_view_menu",
)
WITHOUT_DEFAULT = """
SELECT table_name FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = ANY(%s) AND column_name = 'id'
AND column_default IS NULL AND is_identity = 'NO'
"""


def need_repairs(source: Release, target: Release) -> bool:
    """Whether the downgrade leads over the change."""
    return source.is_at_least(CHANGED_IN) and not target.is_at_least(CHANGED_IN)


def add_sequences(url: str) -> tuple[str, ...]:
    """Give FAB's tables that lost it a default for their key, as older FABs expect it; return which these were."""
    with contextlib.closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(WITHOUT_DEFAULT, (list(FAB_TABLES),))
        tables = tuple(sorted(row[0] for row in cursor.fetchall()))
        for table in tables:
            names = {"table": sql.Identifier(table), "sequence": sql.Identifier(f"{table}_id_seq")}
            for statement in (
                "CREATE SEQUENCE IF NOT EXISTS {sequence} OWNED BY {table}.id",
                "SELECT setval('{sequence}', COALESCE(max(id), 0) + 1, false) FROM {table}",
                "ALTER TABLE {table} ALTER COLUMN id SET DEFAULT nextval('{sequence}')",
            ):
                cursor.execute(sql.SQL(statement).format(**names))
    return tables
