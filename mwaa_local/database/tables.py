"""The tables of a metadata database as PostgreSQL describes them: columns, keys, sequences, revisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class

SCHEMA = "public"  # where Airflow's migrations put all they make
REVISION_TABLES = "alembic_version"  # and, with a name behind it, those of providers: `alembic_version_fab`
# Made by Celery's workers, not by a migration: results of messages, which belong to a queue that does not move.
OF_THE_QUEUE = frozenset({"celery_taskmeta", "celery_tasksetmeta"})
# Rows that a migration or `airflow db clean` put aside: beginnings of names. The migration to Airflow 3 moves pickled
# XComs and leaves the table of missed SLAs, which no model and no new schema has any more.
PUT_ASIDE = ("_airflow_moved__", "_airflow_deleted__", "_xcom_archive", "sla_miss")


@dataclass(frozen=True)
class Column:
    """One column; `type` in PostgreSQL's words, as `character varying(250)`."""

    name: str
    type: str
    has_collation: bool = field(default=False, compare=False)  # no dump tells it


@dataclass(frozen=True)
class Table:
    """One table of the schema. `key` names the columns of its primary key, and is empty where it has none."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(SCHEMA, self.name)

    @property
    def is_put_aside(self) -> bool:
        return self.name.startswith(PUT_ASIDE)

    def order(self) -> sql.Composed:
        """Return what to order by: the key, else every column as text. Never by a server's own collation."""
        if not self.key:
            parts = [sql.SQL('{}::text COLLATE "C"').format(sql.Identifier(column.name)) for column in self.columns]
        else:
            collated = {column.name for column in self.columns if column.has_collation}
            parts = [
                sql.SQL('{} COLLATE "C"' if name in collated else "{}").format(sql.Identifier(name))
                for name in self.key
            ]
        return sql.SQL(", ").join(parts or [sql.SQL("1")])


def is_of_revisions(name: str) -> bool:
    """Whether a table says of which schema the database is, of Airflow's or of a provider's tables."""
    return name == REVISION_TABLES or name.startswith(f"{REVISION_TABLES}_")


def read_tables(cursor: Cursor) -> tuple[Table, ...]:
    """Return the tables with rows to keep, by name: those of Airflow, of providers and of plugins, but no queue's."""
    cursor.execute(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation <> 0,"
        # The place of the column in the primary key.
        " coalesce(array_position(i.indkey::int2[], a.attnum), -1)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " AND a.attgenerated = ''"
        " LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary"
        " WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        ' ORDER BY c.relname COLLATE "C", a.attnum',
        (SCHEMA,),
    )
    columns: dict[str, list[Column]] = {}
    keys: dict[str, list[tuple[int, str]]] = {}
    for table, name, kind, has_collation, place in cursor.fetchall():
        columns.setdefault(table, [])
        if name is not None:
            columns[table].append(Column(name, kind, has_collation))
        if place >= 0:
            keys.setdefault(table, []).append((place, name))
    return tuple(
        Table(name, tuple(found), tuple(column for _, column in sorted(keys.get(name, []))))
        for name, found in columns.items()
        if name not in OF_THE_QUEUE
    )


def read_revisions(cursor: Cursor, tables: Sequence[Table]) -> dict[str, str]:
    """Return table of revisions -> the revision of the schema that it names."""
    found = {}
    for table in tables:
        if not is_of_revisions(table.name):
            continue
        cursor.execute(sql.SQL("SELECT version_num FROM {} ORDER BY 1").format(table.identifier))
        found[table.name] = ",".join(str(revision) for (revision,) in cursor.fetchall())
    return found


def read_sequences(cursor: Cursor, tables: Sequence[Table]) -> dict[str, tuple[str, str]]:
    """Return sequence -> table and column that get their numbers from it."""
    cursor.execute(
        "SELECT s.relname, coalesce(t.relname, ''), coalesce(a.attname, '') FROM pg_class s"
        " JOIN pg_namespace n ON n.oid = s.relnamespace"
        " LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')"
        " AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0"
        " LEFT JOIN pg_class t ON t.oid = d.refobjid"
        " LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
        " WHERE n.nspname = %s AND s.relkind = 'S'",
        (SCHEMA,),
    )
    # Flask-AppBuilder's belong to no column, but are called as those are.
    by_name: Mapping[str, tuple[str, str]] = {
        f"{table.name}_{column.name}_seq": (table.name, column.name) for table in tables for column in table.columns
    }
    known = {table.name for table in tables}
    found = {sequence: (table, column) for sequence, table, column in cursor.fetchall()}
    owned = {name: place if place[0] else by_name.get(name, ("", "")) for name, place in found.items()}
    return {name: place for name, place in sorted(owned.items()) if place[0] in known}
