"""Loads a dump into a database whose schema its release's own migration made: all of it, or nothing."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class

from mwaa_local.database.dump_format import DumpedTable, DumpReader, Head, opened_dump
from mwaa_local.database.fernet import encrypt_anew
from mwaa_local.database.progress import Tell, to_nobody
from mwaa_local.database.session import writing
from mwaa_local.database.tables import (
    OF_THE_QUEUE,
    REVISION_TABLES,
    SCHEMA,
    Table,
    is_of_revisions,
    read_revisions,
    read_sequences,
    read_tables,
)
from mwaa_local.errors import DumpInvalid

READ_BYTES = 256 * 1024
MARK = "mwaa-local restore "  # and a number of its own


@dataclass(frozen=True)
class Loaded:
    """What came in; `unreadable` names the values that no key opens."""

    head: Head
    unreadable: tuple[str, ...] = ()
    rows: int = 0


def load_dump(
    url: str,
    path: Path,
    *,
    fernet_key: str,
    old_key: str | None = None,
    keep_unreadable: bool = False,
    leave_out: Collection[str] = (),
    before_commit: Callable[[str], None] = lambda _mark: None,
    tell: Tell = to_nobody,
) -> Loaded:
    """Replace all rows of a database with those of a dump, and bring encrypted values under `fernet_key`.

    They are under the key that the dump carries, or under `old_key`.

    One transaction: whatever goes wrong, and whoever is killed, the database stays as it was. Tables that are left out
    stay empty. `before_commit` is called with what `mark_of` returns once it is done, when all is loaded and nothing is
    final yet; `tell` hears how far it has come. Raises DumpInvalid for a file that is damaged or does not fit the
    schema, ValuesUnreadable, DiskFull.
    """
    with opened_dump(path, tell, "loading") as reader, writing(url) as connection, connection.cursor() as cursor:
        head = reader.head
        # Foreign keys and triggers: rows come by table, not in an order in which each refers to what is there.
        cursor.execute("SELECT set_config('session_replication_role', 'replica', true)")
        there = _with_put_aside(cursor, head, {table.name: table for table in read_tables(cursor)}, leave_out)
        check_fit(head, tuple(there.values()), read_revisions(cursor, tuple(there.values())), leave_out)
        _empty(cursor, [name for name in there if not is_of_revisions(name) or name in head.revisions])
        rows = 0
        for item in head.tables:
            left_out = item.table.name in leave_out or item.table.name not in there
            _load(cursor, reader, item, left_out=left_out)
            rows += 0 if left_out else item.rows
        reader.finish()
        tables = tuple(there.values())
        unreadable: tuple[str, ...] = ()
        if old_key or head.fernet_key != fernet_key:
            old_keys = ",".join(key for key in (head.fernet_key, old_key) if key)
            unreadable = encrypt_anew(cursor, tables, old_keys, fernet_key, keep_unreadable=keep_unreadable)
        _set_sequences(cursor, tables)
        before_commit(_leave_mark(cursor))
    return Loaded(head, unreadable, rows)


def _leave_mark(cursor: Cursor) -> str:
    """Have the transaction leave a mark that nothing else ever leaves, and return it.

    A comment on the database is as final as the rows. The number of the transaction would not do: a server that
    crashes gives it out again where nothing of it had come to the disk, and copies of one template share their numbers.
    """
    mark = f"{MARK}{uuid4()}"
    cursor.execute("SELECT current_database()")
    (name,) = cursor.fetchone() or ("",)
    cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(mark)))
    return mark


def mark_of(cursor: Cursor) -> str:
    """Return the mark of the load that was the last to be done in a database; "" where there was none."""
    cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()")
    (mark,) = cursor.fetchone() or (None,)
    return str(mark or "")


def check_fit(
    head: Head, tables: Sequence[Table], revisions: Mapping[str, str], leave_out: Collection[str] = ()
) -> None:
    """Raise DumpInvalid where a dump is of another schema, naming what is missing."""
    if REVISION_TABLES not in head.revisions:
        raise DumpInvalid(
            "the dump does not say of which schema it is",
            f"It has no revision in the table {REVISION_TABLES}, as every database of Airflow has.",
            "dump the database of an Airflow",
        )
    if kept := sorted(filter(is_of_revisions, leave_out)):
        raise DumpInvalid(
            f"the table {kept[0]} cannot be left out", "It says of which schema the database is.", "leave out others"
        )
    for name, revision in head.revisions.items():
        if revisions.get(name) != revision:
            raise DumpInvalid(
                f"the dump is of another schema: {name} is {revision}",
                f"The database has {revisions.get(name) or 'no such table'}.",
                "restore it into the release, and with the provider versions, of which it was made",
            )
    if unknown := sorted(set(leave_out) - {table.name for table in tables} - {item.table.name for item in head.tables}):
        raise DumpInvalid(
            f"there is no table {unknown[0]} to leave out",
            "Neither the dump nor the database has it.",
            "the head of a dump of ours, and `db dump --json`, name all tables",
        )
    columns = {table.name: {column.name for column in table.columns} for table in tables}
    missing = [item.table.name for item in head.tables if item.rows and item.table.name not in {*columns, *leave_out}]
    if missing:
        names = ", ".join(missing)
        raise DumpInvalid(
            f"the schema of Airflow {head.airflow_version} has no table {names}",
            "A plugin, or a provider that is not installed here, made it.",
            f"add {' '.join(f'--leave-out {name}' for name in missing)} to restore without it",
        )
    for item in head.tables:
        unknown = [
            column.name
            for column in item.table.columns
            if column.name not in columns.get(item.table.name, {column.name})
        ]
        if unknown:
            raise DumpInvalid(
                f"the table {item.table.name} has no column {', '.join(unknown)} here",
                f"The schema is that of Airflow {head.airflow_version}.",
                f"add --leave-out {item.table.name} to restore without this table",
            )


def _with_put_aside(
    cursor: Cursor, head: Head, there: dict[str, Table], leave_out: Collection[str]
) -> dict[str, Table]:
    """Return the tables, with those that a migration had put rows into, which no new schema has: they are made."""
    found = dict(there)
    for item in head.tables:
        table = item.table
        if table.is_put_aside and item.rows and table.name not in {*found, *leave_out}:
            columns = [
                sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(_type(cursor, column.type)))
                for column in table.columns
            ]
            if table.key:
                key = sql.SQL(", ").join(sql.Identifier(name) for name in table.key)
                columns.append(sql.SQL("PRIMARY KEY ({})").format(key))
            cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(table.identifier, sql.SQL(", ").join(columns)))
            found[table.name] = table
    return found


def _type(cursor: Cursor, name: str) -> str:
    """Return the name of a type. Raises DumpInvalid for what is more than one.

    It comes from a file that anybody may have written, and becomes part of a statement of the superuser. PostgreSQL's
    own parser of types says what is one: a default or a check behind it could call anything.
    """
    if all(letter.isalnum() or letter in ' ,()[]_."' for letter in name):
        cursor.execute("SAVEPOINT of_type")
        try:
            cursor.execute("SELECT to_regtype(%s) IS NOT NULL", (name,))
            if cursor.fetchone() == (True,):
                return name
        except psycopg2.Error:
            cursor.execute("ROLLBACK TO of_type")
    raise DumpInvalid(f"the dump names a type that there is not: {name}")


def _empty(cursor: Cursor, tables: Collection[str]) -> None:
    cursor.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relkind = 'r' AND c.relname = ANY(%s)",
        (SCHEMA, sorted(OF_THE_QUEUE)),
    )
    names = sorted({*tables, *(name for (name,) in cursor.fetchall())})
    if names:
        found = sql.SQL(", ").join(sql.Identifier(SCHEMA, name) for name in names)
        cursor.execute(sql.SQL("TRUNCATE {}").format(found))


def _load(cursor: Cursor, reader: DumpReader, item: DumpedTable, *, left_out: bool) -> None:
    rows = reader.rows(item)
    if left_out or not item.table.columns:
        rows.skip()
        return
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in item.table.columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(item.table.identifier, columns)
    try:
        with _without_a_word():
            cursor.copy_expert(statement, rows, READ_BYTES)
    except psycopg2.Error as error:
        if rows.error is not None:
            raise rows.error from error
        raise
    if cursor.rowcount != item.rows:
        raise reader.wrong_count(item, cursor.rowcount)


@contextlib.contextmanager
def _without_a_word() -> Iterator[None]:
    """Keep psycopg2 from printing what it raises, too: it does so where the server ends while rows are sent to it."""
    hook, sys.excepthook = sys.excepthook, lambda *_: None
    try:
        yield
    finally:
        sys.excepthook = hook


def _set_sequences(cursor: Cursor, tables: Sequence[Table]) -> None:
    """Have every sequence go on after the largest number that its column has."""
    for sequence, (table, column) in read_sequences(cursor, tables).items():
        cursor.execute(
            sql.SQL("SELECT setval(%s, greatest(coalesce(max({}), 0), 0) + 1, false) FROM {}").format(
                sql.Identifier(column), sql.Identifier(SCHEMA, table)
            ),
            (sql.Identifier(SCHEMA, sequence).as_string(cursor),),
        )
