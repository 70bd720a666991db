"""Values that Airflow encrypts with its Fernet key, and how they come under another key.

Found in the models of Airflow 1.10.12 to 3.3.1 (`airflow/models/`): connections, variables, requests to test a
connection (from 3.3 on), and what triggers were given (from 2.9 on; a migration may have left that as plain JSON).
Values within an XCom of Delta Lake's or Iceberg's tables are encrypted one by one, and stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class

from mwaa_local.database.tables import Table
from mwaa_local.errors import ValuesUnreadable

BATCH_ROWS = 500
MAX_NAMED = 10
PLAIN_JSON = "{"  # what the value of a trigger begins with that was never encrypted
KEY_HINT = "name the right key with --fernet-key-file, or add --keep-unreadable to load them as they are"


@dataclass(frozen=True)
class EncryptedField:
    """One column; `flag` is the column that says whether a row is encrypted, `name` the one that people know it by."""

    table: str
    column: str
    name: str
    flag: str = ""

    def told(self, name: object) -> str:
        return f"{self.table} {name}: {self.column}"


FIELDS = (
    EncryptedField("connection", "password", "conn_id", "is_encrypted"),
    EncryptedField("connection", "extra", "conn_id", "is_extra_encrypted"),
    EncryptedField("variable", "val", "key", "is_encrypted"),
    EncryptedField("trigger", "kwargs", "id"),
    EncryptedField("connection_test_request", "password", "connection_id", "is_encrypted"),
    EncryptedField("connection_test_request", "extra", "connection_id", "is_extra_encrypted"),
)


def encrypt_anew(
    cursor: Cursor, tables: Sequence[Table], old_key: str, new_key: str, *, keep_unreadable: bool = False
) -> tuple[str, ...]:
    """Bring every encrypted value under another key; return what the old one does not open, which stays as it is.

    A key may be several with commas between them, as Airflow has it: the first encrypts. Raises ValuesUnreadable for
    such values unless they are to be kept, and for a key that is none.
    """
    from cryptography.fernet import Fernet, InvalidToken, MultiFernet

    keys = [*_keys(new_key), *_keys(old_key)]
    fernet, unreadable = MultiFernet([Fernet(key) for key in keys]), []
    for field in _fields_of(tables):
        for place, name, value in _values(cursor, field):
            try:
                rotated = fernet.rotate(value.encode()).decode()
            except InvalidToken:
                unreadable.append(field.told(name))
                continue
            cursor.execute(
                sql.SQL("UPDATE {} SET {} = %s WHERE ctid = %s::tid").format(
                    sql.Identifier("public", field.table), sql.Identifier(field.column)
                ),
                (rotated, place),
            )
    if unreadable and not keep_unreadable:
        raise _unreadable(unreadable, old_key)
    return tuple(unreadable)


def check_keys(text: str) -> None:
    """Raise ValuesUnreadable for a text that is no key, or no list of keys."""
    _keys(text)


def _keys(text: str) -> list[str]:
    from cryptography.fernet import Fernet

    keys = [key.strip() for key in text.split(",") if key.strip()]
    for key in keys:
        try:
            Fernet(key)
        except ValueError as error:
            raise ValuesUnreadable(
                "the Fernet key is none",
                "It has to be 32 bytes, written in URL-safe base64: 44 characters.",
                "look at `core.fernet_key` of the Airflow that the database comes from",
            ) from error
    return keys


def _fields_of(tables: Sequence[Table]) -> list[EncryptedField]:
    """Return the fields that these tables have. A trigger's column of JSON is of before it was encrypted."""
    types = {(table.name, column.name): column.type for table in tables for column in table.columns}
    return [field for field in FIELDS if types.get((field.table, field.column), "json") not in ("json", "jsonb")]


def _values(cursor: Cursor, field: EncryptedField) -> list[tuple[str, object, str]]:
    """Return (place in the table, name, value) of those that are encrypted."""
    column = sql.Identifier(field.column)
    condition = (
        sql.Identifier(field.flag)
        if field.flag
        else sql.SQL("left({}, 1) <> {}").format(column, sql.Literal(PLAIN_JSON))
    )
    cursor.execute(
        sql.SQL("SELECT ctid::text, {}, {} FROM {} WHERE {} AND {} <> '' ORDER BY 2, 1").format(
            sql.Identifier(field.name), column, sql.Identifier("public", field.table), condition, column
        )
    )
    return [(str(place), name, str(value)) for place, name, value in cursor.fetchall()]


def _unreadable(names: Sequence[str], key: str) -> ValuesUnreadable:
    more = f"\nand {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    what = "the Fernet key does not open" if key else "there is no Fernet key for"
    plural = "value" if len(names) == 1 else "values"
    return ValuesUnreadable(f"{what} {len(names)} encrypted {plural}", "\n".join(names[:MAX_NAMED]) + more, KEY_HINT)
