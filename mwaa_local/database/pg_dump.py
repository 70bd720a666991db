"""Dumps that PostgreSQL's own pg_dump made of another Airflow: recognised, and run into a database of their own.

Such a dump is a program. A plain one is a script for psql, whose commands could start other programs; and what it
defines, functions, triggers and defaults, is run by whoever uses the tables later. So psql runs in its restricted mode,
in which it takes no commands of its own, as a role that owns one new database and may do nothing else; what is more
than tables is refused; and whatever is done with those tables later, migrations too, that same role does (`hand_over`).
Only rows leave that server, as a dump of ours.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import secrets
import subprocess
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import IO, cast
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql

from mwaa_local.database.dump_format import GZIP_MAGIC, MAGIC
from mwaa_local.database.more_than_tables import refuse_more_than_tables
from mwaa_local.database.progress import Progress, Tell, to_nobody
from mwaa_local.database.session import no_room, refusal, without_value
from mwaa_local.errors import (
    DumpInvalid,
    DumpRefused,
    FileMissing,
    MwaaLocalError,
    cannot_read,
    line_on_full_disk,
)

ARCHIVE_MAGIC = b"PGDMP"  # of pg_dump --format=custom
TAR_BEGINNING = b"toc.dat\0"  # of --format=tar: the name of its first file
PLAIN_SIGN = b"PostgreSQL database dump"  # in a comment at the beginning of each plain one
LOOKED_AT_BYTES = 64 * 1024
ROLE = "mwaa_local_import"
DATABASE = "mwaa_local_import"
FIRST_ROLE, LAST_ROLE = "mwaa_local_first", "mwaa_local_last"  # superusers as whom nobody can log in any more
MAINTENANCE = "postgres"
# What needs roles or rights of the server it comes from, or belongs to that server: Airflow needs none of it.
LEFT_OUT = re.compile(
    rb"(ALTER [A-Z ]+ .* OWNER TO [^;]+|GRANT .*|REVOKE .*|ALTER DEFAULT PRIVILEGES .*|SECURITY LABEL .*"
    rb"|(CREATE|COMMENT ON|ALTER) (EXTENSION|PUBLICATION|SUBSCRIPTION) .*"
    rb"|(CREATE SCHEMA|COMMENT ON SCHEMA) public( .*)?"
    rb"|SET (transaction_timeout|idle_session_timeout|default_tablespace|default_table_access_method) = .*);\r?\n?"
)
BEGIN_OF_ROWS = re.compile(rb"COPY (?P<table>\S+).* FROM stdin;\r?\n?", re.IGNORECASE)
ENDS_OF_ROWS = (b"\\.\n", b"\\.\r\n", b"\\.")
LAST_COMMENT = b"-- PostgreSQL database dump complete"  # of each plain one, and of what pg_restore makes of an archive
OWN_COMMANDS = (b"\\restrict ", b"\\unrestrict ")  # which newer versions of pg_dump write around the rest
DAMAGES = (EOFError, zlib.error, gzip.BadGzipFile)  # what reading a file of gzip raises that is not whole
REMAKE_HINT = "make it with: pg_dump --no-owner --no-acl --format=custom --file=airflow.pgdump DATABASE"


class Kind(StrEnum):
    """What a file is."""

    OURS = "a dump of mwaa-local"
    PLAIN = "a plain dump of pg_dump"
    ARCHIVE = "an archive of pg_dump"


def kind_of(path: Path) -> Kind:
    """Return what a file is, by how it begins. Raises FileMissing, and DumpInvalid for what is no dump."""
    try:
        if path.is_dir():
            if (path / "toc.dat").is_file():
                return Kind.ARCHIVE
            raise FileMissing(f"{path} is a folder", hint="name a dump in it")
        with _unpacked(path) as stream:
            beginning = stream.read(LOOKED_AT_BYTES)
    except FileNotFoundError as error:
        hint = "name a file that `mwaa-local db dump` or pg_dump wrote, or a snapshot that `mwaa-local db list` shows"
        raise FileMissing(f"no such file: {path}", hint=hint) from error
    except DAMAGES as error:
        raise damaged(path, str(error)) from error
    except OSError as error:
        raise cannot_read(path, error) from error
    if beginning.startswith(MAGIC):
        return Kind.OURS
    if beginning.startswith((ARCHIVE_MAGIC, TAR_BEGINNING)):
        with path.open("rb") as raw:
            if raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC:
                raise DumpInvalid(f"{path} is an archive of pg_dump within gzip", hint=f"gunzip {path}")
        return Kind.ARCHIVE
    if PLAIN_SIGN in beginning:
        return Kind.PLAIN
    raise DumpInvalid(
        f"{path} is no dump of a database",
        "It begins neither as those of `mwaa-local db dump` do, nor as those of pg_dump.",
        f"name a file that `mwaa-local db dump FILE` wrote; of another Airflow, {REMAKE_HINT}",
    )


def damaged(path: Path, why: str) -> DumpInvalid:
    """Return the error for a file that is not what was written."""
    return DumpInvalid(f"{path} is damaged", why, "copy the file anew")


@contextlib.contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as raw:
        is_compressed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        raw.seek(0)
        if not is_compressed:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as stream:
            yield cast(IO[bytes], stream)


def replace_by_import(url: str, path: Path, kind: Kind, bin_dir: Path, tell: Tell = to_nobody) -> None:
    """Put what the dump holds in the place of a whole database, of which `url` is the superuser's address.

    Its owner is the role of the import then. `bin_dir` has psql and pg_restore, `tell` hears how far it has come. The
    database stays as it was unless all went well. Raises DumpRefused with what PostgreSQL said, and for what is more
    than tables; DumpInvalid for a dump that is not whole.
    """
    database = urlsplit(url).path.removeprefix("/")
    maintenance = _address(url, MAINTENANCE)
    password = secrets.token_hex(16)
    role, name = sql.Identifier(ROLE), sql.Identifier(DATABASE)
    _remove(maintenance)
    try:
        _execute(
            maintenance,
            sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
                role, sql.Literal(password)
            ),
            sql.SQL(
                "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
            ).format(name, role),
        )
        with _script(path, kind, bin_dir) as lines:
            _run(url, password, filtered(lines, Progress(tell, "importing")), bin_dir)
        refuse_more_than_tables(_address(url, DATABASE))
        _execute(
            maintenance,
            sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)),
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(name, sql.Identifier(database)),
        )
    except BaseException:
        _remove(maintenance)
        raise


def hand_over(url: str) -> None:
    """Give the name and the password of the superuser, which are in `url`, to the role of an import.

    So whoever uses that server from now on can do no more than the dump could while it was run, whatever it has in its
    expressions. The server is to be thrown away afterwards: nobody can log in as its superuser any more.
    """
    parts = urlsplit(url)
    maintenance, password = _address(url, MAINTENANCE), secrets.token_hex(16)
    user, role, first, last = (sql.Identifier(name) for name in (parts.username or "", ROLE, FIRST_ROLE, LAST_ROLE))
    _execute(
        maintenance,
        sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}").format(last, sql.Literal(password)),
    )
    netloc = f"{LAST_ROLE}:{password}@{parts.hostname}:{parts.port}"
    _execute(  # nobody can rename the role as which he is logged in
        urlsplit(maintenance)._replace(netloc=netloc).geturl(),
        sql.SQL("ALTER ROLE {} RENAME TO {}").format(user, first),
        sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(first),
        sql.SQL("ALTER ROLE {} RENAME TO {}").format(role, user),
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(user, sql.Literal(parts.password)),
        sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(last),
    )


def _remove(maintenance: str) -> None:
    _execute(
        maintenance,
        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(DATABASE)),
        sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(ROLE)),
    )


def _address(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def _execute(url: str, *statements: sql.Composed) -> None:
    try:
        connection = psycopg2.connect(url)
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    except psycopg2.Error as error:
        raise refusal(error) from error


@contextlib.contextmanager
def _script(path: Path, kind: Kind, bin_dir: Path) -> Iterator[Iterable[bytes]]:
    """Give the lines of the script that a dump is, or that pg_restore makes of an archive."""
    if kind is Kind.PLAIN:
        with _unpacked(path) as stream:
            yield _lines_of(stream, path)
        return
    argv = [str(bin_dir / "pg_restore"), "--no-owner", "--no-acl", "--no-comments", "--no-tablespaces"]
    argv += ["--no-publications", "--no-subscriptions", "--no-security-labels", "--file=-", str(path.resolve())]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            argv, env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        )
        assert process.stdout is not None
        try:
            yield process.stdout
            if process.wait() != 0:
                raise DumpRefused("pg_restore cannot read the archive", _first_error(errors), REMAKE_HINT)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _lines_of(stream: IO[bytes], path: Path) -> Iterator[bytes]:
    try:
        yield from stream
    except DAMAGES as error:
        raise damaged(path, str(error)) from error


def filtered(lines: Iterable[bytes], progress: Progress | None = None) -> Iterator[bytes]:
    """Yield the lines of a script for psql without what belongs to the server it comes from.

    Rows, and texts over several lines, are passed on as they are. Raises DumpRefused for a command of psql itself, and
    DumpInvalid at the end of a script that is cut: psql would take that end for the end of the rows, and commit.
    """
    in_rows = in_text = is_whole = False
    for line in lines:
        if in_rows:
            in_rows = line not in ENDS_OF_ROWS
            if progress:
                progress.add(in_rows)
        elif not in_text:
            if line.startswith(OWN_COMMANDS) or LEFT_OUT.fullmatch(line):
                continue
            if line.startswith(b"\\"):
                raise DumpRefused(
                    f"the dump has a command of psql: {line.decode(errors='replace').strip()[:80]}",
                    "mwaa-local runs none: it could start other programs.",
                    "make it without --create, of one database, or as an archive; " + REMAKE_HINT,
                )
            begins = BEGIN_OF_ROWS.fullmatch(line)
            in_rows = begins is not None
            if begins and progress:
                progress.begin(begins["table"].decode(errors="replace").removeprefix("public."))
            is_whole = is_whole or line.rstrip() == LAST_COMMENT
        if not in_rows and not (line.startswith(b"--") and not in_text) and line.count(b"'") % 2:
            in_text = not in_text
        yield line
    if in_rows or in_text or not is_whole:
        raise DumpInvalid(
            "the dump is cut short",
            f"What pg_dump writes ends with the line `{LAST_COMMENT.decode()}`.",
            "copy the file anew, or dump the database again",
        )


def _run(url: str, password: str, lines: Iterable[bytes], bin_dir: Path) -> None:
    """Have psql run a script as the role of the import, in one transaction."""
    parts = urlsplit(url)
    argv = [str(bin_dir / "psql"), "--no-psqlrc", "--quiet", "--no-password", "--single-transaction"]
    argv += ["--set=ON_ERROR_STOP=1", f"--host={parts.hostname}", f"--port={parts.port}"]
    argv += [f"--username={ROLE}", f"--dbname={DATABASE}", "--file=-"]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            argv,
            env=_environment(PGPASSWORD=password),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        assert process.stdin is not None
        try:
            with contextlib.suppress(BrokenPipeError):  # it ended with an error, which is told below
                # From here on psql takes no command of its own, whatever the script says.
                process.stdin.write(f"\\restrict {secrets.token_hex(16)}\n".encode())
                process.stdin.writelines(lines)
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            if process.wait() != 0:
                raise _refused(_first_error(errors))
        except BaseException:
            process.kill()  # before its input ends: what it has would be committed
            process.wait()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            raise


def _refused(said: str) -> MwaaLocalError:
    if line := line_on_full_disk(said):
        return no_room(line)
    return DumpRefused("PostgreSQL refuses the dump", said, REMAKE_HINT)


def _first_error(errors: IO[bytes]) -> str:
    """Return the first line that tells of an error, and no more: what follows cites rows, and rows hold secrets."""
    errors.seek(0)
    text = errors.read(LOOKED_AT_BYTES).decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = next((line for line in lines if "error:" in line.lower()), lines[0] if lines else "It does not say why.")
    return without_value(found)


def _environment(**more: str) -> Mapping[str, str]:
    """Return the variables of PostgreSQL's programs: none of the user's, which could lead them elsewhere."""
    return {"PATH": os.defpath, "LC_ALL": "C", "PGCONNECT_TIMEOUT": "10", **more}
