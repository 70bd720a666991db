"""Sessions on a metadata database in which the same data always read as the same text."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class

from mwaa_local.database.health import CONNECT_TIMEOUT_S
from mwaa_local.errors import DiskFull, DumpRefused, line_on_full_disk

# Whatever a server, a database or a role sets, of what changes how values are written or read.
TEXT_SETTINGS = {
    "client_encoding": "UTF8",
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",  # the shortest text that gives the same number again
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "xmloption": "content",
    "search_path": "pg_catalog",
    "row_security": "off",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}
# Nothing else uses a database into which rows are loaded; what does is told, and not waited for without end.
LOCK_TIMEOUT_MS = 20_000
READING_HINT = "if something else uses the database, run the command again"
WRITING_HINT = "the database stays as it was; if something else used it, run the command again"
COMMIT_HINT = "what was to be written may be there all the same, or not: look before you run the command again"
# What a server says of itself in its log: after its prefix, which ours have not, and never in lines that cite rows.
_SAID_BY_SERVER = re.compile(r"(?:[\d-]+ [\d:.]+ \S+ \[\d+\] )?(?:ERROR|FATAL|PANIC|LOG|WARNING):  .*")
_VALUE = re.compile(r': ".*"', re.DOTALL)


@contextlib.contextmanager
def reading(url: str) -> Iterator[Connection]:
    """Give a connection that sees the database as it is at its first query, and changes nothing."""
    with _connected(url, READING_HINT) as connection:
        connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        yield connection


@contextlib.contextmanager
def writing(url: str) -> Iterator[Connection]:
    """Give a connection for one transaction, which is done at the end, or is not at all where anything is raised.

    But for a connection that is lost while the transaction is being done: nobody but the server knows then.
    """
    with _connected(url, WRITING_HINT) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", (f"{LOCK_TIMEOUT_MS}ms",))
        yield connection
        try:
            connection.commit()
        except psycopg2.Error as error:
            raise refusal(error, COMMIT_HINT if connection.closed else WRITING_HINT) from error


@contextlib.contextmanager
def _connected(url: str, hint: str) -> Iterator[Connection]:
    """Raises DiskFull and DumpRefused for what the server says, at whatever point."""
    connection = None
    try:
        connection = psycopg2.connect(url, connect_timeout=CONNECT_TIMEOUT_S, application_name="mwaa-local db")
        with connection.cursor() as cursor:
            for name, value in TEXT_SETTINGS.items():
                cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        connection.commit()
        yield connection
    except psycopg2.Error as error:
        raise refusal(error, hint) from error
    finally:
        if connection is not None:
            connection.close()


def without_value(said: str) -> str:
    """Return a message of PostgreSQL without the value that it cites at its end, as of `invalid input syntax`."""
    return _VALUE.sub(': "…"', said)


def line_of_full_server(log: str) -> str:
    """Return the line in which a server tells its log of a full disk; "" if there is none.

    Lines that begin with DETAIL, CONTEXT or STATEMENT, and messages that cite a value, say what a row says.
    """
    said = (line for line in log.splitlines() if _SAID_BY_SERVER.fullmatch(line) and ': "' not in line)
    return line_on_full_disk("\n".join(said))


def no_room(line: str) -> DiskFull:
    """Return the error for a server that has no room, with the line that says so."""
    return DiskFull("no space left for the database", line, "make room and run the command again; nothing is lost")


def refusal(error: psycopg2.Error, hint: str = WRITING_HINT) -> DiskFull | DumpRefused:
    """Return the error for what PostgreSQL said; not all of it, since it cites rows, and rows hold secrets."""
    said = without_value(error.diag.message_primary or str(error).strip())
    if line := line_on_full_disk(said):
        return no_room(line)
    place = f" (table {error.diag.table_name})" if error.diag.table_name else ""
    return DumpRefused(
        f"the database program refused it{place}",
        f"PostgreSQL: {said}",
        hint,
    )
