"""Writes a dump: all rows of a metadata database, in the order of their keys, as of one moment.

The environment may run meanwhile. The same data give the same bytes: nothing depends on the time, on the server or on
the order in which rows came.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class

from mwaa_local import __version__
from mwaa_local.database.dump_format import (
    CHECKSUM,
    COMPRESSED_SUFFIX,
    COMPRESSION_LEVEL,
    END_OF_ROWS,
    DumpedTable,
    Head,
)
from mwaa_local.database.fernet import FIELDS
from mwaa_local.database.progress import Progress, Tell, to_nobody
from mwaa_local.database.session import reading
from mwaa_local.database.tables import Table, read_revisions, read_tables
from mwaa_local.errors import AccessDenied, DumpExists, FileMissing, cannot_write
from mwaa_local.files import whole_file

KEY_IS_IN_IT = "the Fernet key that opens encrypted values"
# Tables with what nobody else should see, and what that is. Those of encrypted fields are in `fernet.FIELDS`.
SECRET_COLUMNS = {"ab_user": ("password",), "ab_register_user": ("password",), "session": ("data",)}
STDOUT = Path("-")


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> object: ...


def write_dump(
    url: str,
    path: Path,
    *,
    airflow_version: str,
    fernet_key: str,
    force: bool = False,
    compressed: bool | None = None,
    tell: Tell = to_nobody,
) -> Head:
    """Write the database to a file that only this user can read, whole or not at all; return what it says of itself.

    `-` is stdout. A name that ends with `.gz` is compressed, unless the caller decides. Raises DumpExists without
    `force`, DiskFull, and DumpRefused where the database does not answer. `tell` hears how far it has come.
    """
    if compressed is None:
        compressed = path.suffix == COMPRESSED_SUFFIX
    with dump_file(path, force=force) as file, _compressing(file, compressed) as stream:
        return write_rows(url, stream, airflow_version=airflow_version, fernet_key=fernet_key, tell=tell)


def write_rows(url: str, stream: Sink, *, airflow_version: str, fernet_key: str, tell: Tell = to_nobody) -> Head:
    """Write a dump to what takes bytes."""
    progress = Progress(tell, "writing")
    out = _Summed(stream)
    with reading(url) as connection, connection.cursor() as cursor:
        tables = read_tables(cursor)
        dumped = tuple(DumpedTable(table, _count(cursor, table)) for table in tables)
        head = Head(
            made_by=f"mwaa-local {__version__}",
            airflow_version=airflow_version,
            revisions=read_revisions(cursor, tables),
            fernet_key=fernet_key,
            secrets=_secrets(dumped, fernet_key),
            tables=dumped,
        )
        out.write(head.to_bytes())
        for item in dumped:
            out.write(item.copy_line())
            progress.begin(item.table.name, item.rows)
            cursor.copy_expert(_copy_out(item.table), _Counted(out, progress))
            out.write(END_OF_ROWS)
    stream.write(CHECKSUM + out.digest.hexdigest().encode() + b"\n")
    return head


class _Summed:
    """Passes bytes on and adds them up. Not a file of text, for which psycopg2 would decode them."""

    def __init__(self, stream: Sink) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self._stream.write(data)


class _Counted:
    """Passes rows on, of which psycopg2 writes one at a time, and counts them."""

    def __init__(self, stream: Sink, progress: Progress) -> None:
        self._stream = stream
        self._progress = progress

    def write(self, data: bytes) -> None:
        self._stream.write(data)
        self._progress.add(1)


def _count(cursor: Cursor, table: Table) -> int:
    cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(table.identifier))
    (count,) = cursor.fetchone() or (0,)
    return int(count)


def _copy_out(table: Table) -> sql.Composed:
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    return sql.SQL("COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT").format(columns, table.identifier, table.order())


def _secrets(dumped: tuple[DumpedTable, ...], fernet_key: str) -> tuple[str, ...]:
    columns: dict[str, list[str]] = {}
    for table, secret in SECRET_COLUMNS.items():
        columns.setdefault(table, []).extend(secret)
    for field in FIELDS:
        columns.setdefault(field.table, []).append(field.column)
    found = [
        f"{item.table.name}: {', '.join(names)}"
        for item in dumped
        if item.rows and (names := columns.get(item.table.name))
    ]
    return (*([KEY_IS_IN_IT] if fernet_key else []), *found)


@contextlib.contextmanager
def _compressing(file: IO[bytes], compressed: bool) -> Iterator[Sink]:
    if not compressed:
        yield file
        return
    # No name and no time in it: the same data give the same bytes.
    with gzip.GzipFile("", "wb", COMPRESSION_LEVEL, file, mtime=0) as stream:
        yield stream


@contextlib.contextmanager
def dump_file(path: Path, *, force: bool = False) -> Iterator[IO[bytes]]:
    """Give a file to write a dump to, or stdout: for this user alone, whole or not there (`files.whole_file`).

    Raises DumpExists, DiskFull, AccessDenied, and FileMissing for a folder that is not there.
    """
    if path == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    check_target(path, force=force)
    try:
        with whole_file(_behind(path), replaces=force) as file:  # the file behind a link is replaced, not the link
            yield file
    except FileExistsError as error:
        raise _there_already(path) from error
    except OSError as error:
        raise cannot_write(path, error) from error


def check_target(path: Path, *, force: bool = False) -> None:
    """Raise what is known of a name before anything is written to it. See `dump_file`."""
    if path == STDOUT:
        return
    try:
        _check_folder(path)
        _check_name(path, force=force)
    except OSError as error:
        raise cannot_write(path, error) from error


def _behind(path: Path) -> Path:
    """Return the file that a link leads to, which may not be there; any other path as it is."""
    return Path(os.path.realpath(path))


def _check_folder(path: Path) -> None:
    """Raise FileMissing and AccessDenied for the folder in which the file is to be."""
    folder, named = _behind(path).parent, path.parent
    via = f"{path} is a link to {_behind(path)}." if path.is_symlink() else ""
    shown = folder if via else named
    if not folder.is_dir():
        if any(above.is_file() for above in (folder, *folder.parents)):
            raise FileMissing(f"{shown} is no folder", via, "name a file in a folder")
        raise FileMissing(f"no such folder: {shown}", via, f"mkdir -p {shlex.quote(str(shown))}")
    effective = os.access in os.supports_effective_ids
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
        raise AccessDenied(
            f"not allowed to write into {shown}",
            via or "The folder is another user's, or its disk is read-only.",
            "name a file in a folder of yours, or `-` for stdout",
        )


def _check_name(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise DumpExists(f"{path} is a folder", hint=f"name a file in it: {path}/airflow.dump")
    if path.exists() and not path.is_file():
        raise DumpExists(f"{path} is no regular file", "It cannot be replaced.", "`-` writes to stdout")
    if path.exists() and not force:
        raise _there_already(path)


def _there_already(path: Path) -> DumpExists:
    return DumpExists(f"there is a file {path} already", hint="name another file, or add --force to replace it")


def copy_to(stream: IO[bytes], path: Path) -> None:
    """Write all of a stream to a private file, as for a dump that comes through a pipe."""
    with whole_file(path) as file:
        shutil.copyfileobj(stream, file)
