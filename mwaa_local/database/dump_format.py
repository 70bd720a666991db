"""The format of our dumps: one file, with a head that people can read, then the rows of each table.

    mwaa-local database dump, format 1
    {JSON over several lines: `Head`}

    COPY "connection" ("id", "conn_id") FROM stdin;
    1	aws_default
    \\.
    sha256 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03

Rows are PostgreSQL's own text format of COPY, which has been the same since version 8; the last line is of all before
it. A whole file may be compressed by gzip. The schema is not in it: that release's own migration makes it.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from mwaa_local.database.progress import Progress, Tell, to_nobody
from mwaa_local.database.tables import Column, Table
from mwaa_local.errors import DumpInvalid, FileMissing, cannot_read

FORMAT = 1
MAGIC = b"mwaa-local database dump, format "
END_OF_ROWS = b"\\.\n"
CHECKSUM = b"sha256 "
GZIP_MAGIC = b"\x1f\x8b"
COMPRESSED_SUFFIX = ".gz"
COMPRESSION_LEVEL = 6  # zlib's own default, named so that it stays: the same data give the same bytes
MAX_HEAD_BYTES = 16 * 1024 * 1024  # a file that is something else is not read into memory
CUT = "the file is cut short, or was changed after it was written"


@dataclass(frozen=True)
class DumpedTable:
    """What a head says of one table."""

    table: Table
    rows: int

    def copy_line(self) -> bytes:
        """Return the line before its rows."""
        columns = ", ".join(_quoted(column.name) for column in self.table.columns)
        return f"COPY {_quoted(self.table.name)} ({columns}) FROM stdin;\n".encode()


@dataclass(frozen=True)
class Head:
    """What a dump says of itself. `revisions` is table of revisions -> revision; `fernet_key` may be several, with `,`.

    `secrets` names what of its content nobody else should see.
    """

    made_by: str
    airflow_version: str
    revisions: Mapping[str, str]
    fernet_key: str
    secrets: tuple[str, ...]
    tables: tuple[DumpedTable, ...]

    @property
    def rows(self) -> int:
        return sum(item.rows for item in self.tables)

    def rows_of(self, table: str) -> int:
        return next((item.rows for item in self.tables if item.table.name == table), 0)

    def to_bytes(self) -> bytes:
        """Return the first lines of a dump, the empty one after the head included."""
        plain = {
            "made_by": self.made_by,
            "airflow_version": self.airflow_version,
            "revisions": dict(self.revisions),
            "secrets": list(self.secrets),
            "fernet_key": self.fernet_key,
            "tables": [_table_to_json(item) for item in self.tables],
        }
        return MAGIC + f"{FORMAT}\n{json.dumps(plain, indent=1, ensure_ascii=False)}\n\n".encode()


def _table_to_json(item: DumpedTable) -> dict[str, Any]:
    columns = {column.name: column.type for column in item.table.columns}
    return {"name": item.table.name, "rows": item.rows, "key": list(item.table.key), "columns": columns}


def _head_from(plain: Any) -> Head:
    """Return the head out of its JSON. Raises LookupError, TypeError, ValueError, AttributeError for another shape."""
    tables = tuple(
        DumpedTable(
            Table(
                str(item["name"]),
                tuple(Column(str(name), str(kind)) for name, kind in item["columns"].items()),
                tuple(str(name) for name in item["key"]),
            ),
            int(item["rows"]),
        )
        for item in plain["tables"]
    )
    return Head(
        made_by=str(plain["made_by"]),
        airflow_version=str(plain["airflow_version"]),
        revisions={str(name): str(revision) for name, revision in plain["revisions"].items()},
        fernet_key=str(plain["fernet_key"]),
        secrets=tuple(str(item) for item in plain["secrets"]),
        tables=tables,
    )


def _check_names(head: Head) -> None:
    """Raise ValueError for what JSON can say and no name in PostgreSQL can be: half of a character, or a null."""
    names = [name for item in head.tables for name in (item.table.name, *(c.name for c in item.table.columns))]
    for name in (*names, *head.revisions, *head.revisions.values()):
        if "\0" in name:
            raise ValueError("a null in a name")
        name.encode()


class DumpReader:
    """Reads a dump from its beginning to its end, once; every row is checked on the way."""

    def __init__(self, stream: IO[bytes], name: str, progress: Progress) -> None:
        self._stream = stream
        self._name = name
        self.progress = progress
        self._digest = hashlib.sha256()
        self.head = self._read_head()

    def rows(self, item: DumpedTable) -> Rows:
        """Return the rows of the next table, which must be read to their end before anything else is."""
        expected = item.copy_line()  # a name in it may have a line break
        found = self._read(lambda: self._stream.read(len(expected)))
        self._digest.update(found)
        if found != expected:
            raise self._invalid(f"Where the rows of {item.table.name} should begin there is something else: {CUT}.")
        self.progress.begin(item.table.name, item.rows)
        return Rows(self, item)

    def finish(self) -> None:
        """Compare the checksum. Raises DumpInvalid."""
        expected = CHECKSUM + self._digest.hexdigest().encode() + b"\n"
        if self._read(self._stream.readline) != expected or self._read(lambda: self._stream.read(1)):
            raise self._invalid(f"Its checksum is not that of its rows: {CUT}.")

    def row(self, item: DumpedTable) -> bytes:
        """Return the next line of a table, empty at the end of its rows."""
        line = self._read(self._stream.readline)
        self._digest.update(line)
        if not line.endswith(b"\n"):
            raise self._invalid(f"It ends among the rows of {item.table.name}: {CUT}.")
        return b"" if line == END_OF_ROWS else line

    def wrong_count(self, item: DumpedTable, found: int) -> DumpInvalid:
        return self._invalid(f"{item.table.name} has {found} rows and should have {item.rows}: {CUT}.")

    def _read(self, read: Callable[[], bytes]) -> bytes:
        try:
            return read()
        except (EOFError, zlib.error, OSError) as error:
            raise self._invalid(f"{error}: {CUT}.") from error

    def _read_head(self) -> Head:
        first = self._limited_line()
        if not first.startswith(MAGIC):
            raise DumpInvalid(
                f"{self._name} is no dump of mwaa-local", f"It does not begin with `{MAGIC.decode().strip()}`.", ""
            )
        if first != MAGIC + f"{FORMAT}\n".encode():
            newer = first.removeprefix(MAGIC).decode(errors="replace").strip()
            raise DumpInvalid(
                f"{self._name} is a dump of format {newer}",
                f"This mwaa-local reads format {FORMAT}.",
                "use the mwaa-local that wrote it, or a newer one",
            )
        lines = [first]
        while (line := self._limited_line(MAX_HEAD_BYTES - sum(map(len, lines)))) != b"\n":
            if not line.endswith(b"\n"):
                raise self._invalid(f"Its head has no end: {CUT}.")
            lines.append(line)
        for line in (*lines, b"\n"):
            self._digest.update(line)
        try:
            head = _head_from(json.loads(b"".join(lines[1:])))
            _check_names(head)
            return head
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
            raise self._invalid(f"Its head cannot be read ({error}): {CUT}.") from error

    def _limited_line(self, most: int = MAX_HEAD_BYTES) -> bytes:
        return self._read(lambda: self._stream.readline(max(most, 1)))

    def _invalid(self, why: str) -> DumpInvalid:
        return DumpInvalid(f"{self._name} cannot be restored", why, "dump the database again, or copy the file anew")


class Rows:
    """The rows of one table as a file for COPY. `count` is how many were read.

    `error` is what was raised: psycopg2 passes on no more than its text.
    """

    def __init__(self, reader: DumpReader, item: DumpedTable) -> None:
        self._reader = reader
        self._item = item
        self._at_end = False
        self.count = 0
        self.error: DumpInvalid | None = None

    def read(self, size: int = -1) -> bytes:
        """Return lines of together at least `size` bytes, or what is left. Raises DumpInvalid."""
        try:
            return self._read(size)
        except DumpInvalid as error:
            self.error = error
            raise

    def _read(self, size: int) -> bytes:
        parts, length = [], 0
        while not self._at_end and (size < 0 or length < size):
            line = self._reader.row(self._item)
            if not line:
                self._at_end = True
                if self.count != self._item.rows:
                    raise self._reader.wrong_count(self._item, self.count)
                break
            self.count += 1
            parts.append(line)
            length += len(line)
        self._reader.progress.add(len(parts))
        return b"".join(parts)

    def readline(self, size: int = -1) -> bytes:
        """Never called: psycopg2's types ask for it."""
        return self.read(1)

    def skip(self) -> None:
        while self.read(1024 * 1024):
            pass


@contextlib.contextmanager
def opened_dump(path: Path, tell: Tell = to_nobody, doing: str = "reading") -> Iterator[DumpReader]:
    """Give a reader of a file, compressed or not. Raises FileMissing, AccessDenied and DumpInvalid.

    `tell` hears how far it has come, and what is done to its rows.
    """
    try:
        raw = path.open("rb")
    except (FileNotFoundError, IsADirectoryError) as error:
        what = f"no such file: {path}" if isinstance(error, FileNotFoundError) else f"{path} is a folder"
        raise FileMissing(what, hint="name a file that `mwaa-local db dump` wrote") from error
    except OSError as error:
        raise cannot_read(path, error) from error
    with raw, contextlib.ExitStack() as stack:
        beginning = raw.read(len(GZIP_MAGIC))
        raw.seek(0)
        stream: IO[bytes] = raw
        if beginning == GZIP_MAGIC:
            stream = cast(IO[bytes], stack.enter_context(gzip.GzipFile(fileobj=raw)))
        yield DumpReader(stream, path.name, Progress(tell, doing))


def read_head(path: Path) -> Head:
    """Return what a dump says of itself; its rows are not looked at. Raises what `opened_dump` raises."""
    with opened_dump(path) as reader:
        return reader.head


def checked_head(path: Path, tell: Tell = to_nobody) -> Head:
    """Return what a dump says of itself after reading it all. Raises DumpInvalid for one that is not whole."""
    with opened_dump(path, tell) as reader:
        for item in reader.head.tables:
            reader.rows(item).skip()
        reader.finish()
        return reader.head


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
