"""Dumps of pg_dump: which are recognised, what of them is left out, and what is refused, by real programs."""

from __future__ import annotations

import gzip
import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

from mwaa_local.database.more_than_tables import calls_of
from mwaa_local.database.pg_dump import DATABASE, ROLE, Kind, filtered, hand_over, kind_of, replace_by_import
from mwaa_local.errors import DumpInvalid, DumpRefused, FileMissing
from mwaa_local.runtime.process.servers import find_binaries
from tests.unit.database.servers import Server, running_server

BIN_DIR = find_binaries().postgres.parent
# As another server would have it: roles, rights, comments, and a text that looks like what is left out.
ELSEWHERE = r"""
    CREATE ROLE elsewhere; CREATE ROLE reader;
    CREATE TABLE connection (id serial PRIMARY KEY, conn_id varchar(250) NOT NULL UNIQUE, password text DEFAULT 'x');
    CREATE TABLE dag_code (id int PRIMARY KEY, source_code text, at timestamptz DEFAULT now());
    CREATE INDEX lowered ON connection (lower(conn_id));
    INSERT INTO connection (conn_id) VALUES ('one'), (E'it''s\n\\.\n');
    INSERT INTO dag_code VALUES (1, E'x = ""\nGRANT ALL ON x TO y;\n\\! touch {mark}\n""');
    ALTER TABLE connection OWNER TO elsewhere;
    GRANT SELECT ON dag_code TO reader;
    COMMENT ON SCHEMA public IS 'theirs';
"""
# A name of a column that has the mark of a text in it, twice, with what is called between them.
HIDDEN_CALL = """ALTER TABLE connection ADD "x'" text, ADD "y'" text;
    ALTER TABLE connection ADD CHECK ("x'" IS NULL AND lo_export(id, conn_id) = 1 AND "y'" IS NULL) NOT VALID"""
QUERY = "SELECT (SELECT array_agg(conn_id ORDER BY id) FROM connection), (SELECT source_code FROM dag_code)"


def pg_dump(server: Server, path: Path, *words: str, database: str = "elsewhere") -> Path:
    parts = urlsplit(server.url())
    argv = [str(BIN_DIR / "pg_dump"), "--host=127.0.0.1", f"--port={parts.port}", f"--username={parts.username}"]
    env = {"PGPASSWORD": parts.password or ""}
    subprocess.run([*argv, f"--file={path}", *words, database], env=env, check=True)
    return path


@pytest.fixture(scope="module")
def elsewhere(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that must never be made; its server has a database to dump."""
    mark = tmp_path_factory.mktemp("mark") / "touched"
    server.new("elsewhere", ELSEWHERE.replace("{mark}", str(mark)))
    return mark


@pytest.fixture
def target(server: Server) -> str:
    return server.new("target", "CREATE TABLE old (id int)")


def is_as_before(server: Server) -> bool:
    left = server.rows("postgres", "SELECT datname FROM pg_database WHERE datname = %s", DATABASE)
    roles = server.rows("postgres", "SELECT rolname FROM pg_roles WHERE rolname = %s", ROLE)
    tables = server.rows("target", "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return (left, roles, tables) == ([], [], [("old",)])


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("--format=plain",), Kind.PLAIN),
        (("--format=plain", "--inserts"), Kind.PLAIN),
        (("--format=custom",), Kind.ARCHIVE),
        (("--format=tar",), Kind.ARCHIVE),
        (("--format=directory",), Kind.ARCHIVE),
    ],
)
def test_every_format_comes_in_whole_though_roles_of_elsewhere_are_missing(
    server: Server, elsewhere: Path, target: str, tmp_path: Path, words: tuple[str, ...], kind: Kind
) -> None:
    path = pg_dump(server, tmp_path / "dump", *words)
    text = path.read_text() if kind is Kind.PLAIN else ""
    path = renamed_roles(path, text) if text else path
    assert kind_of(path) is kind
    replace_by_import(target, path, kind, BIN_DIR)
    assert server.rows("target", QUERY) == server.rows("elsewhere", QUERY)
    owners = server.rows("target", "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert owners == [(ROLE,)]
    server.run("target", "INSERT INTO connection (conn_id) VALUES ('next')")  # its sequence came along
    assert not elsewhere.exists()


def renamed_roles(path: Path, text: str) -> Path:
    """Let the dump name roles that are not on this server."""
    path.write_text(text.replace("OWNER TO elsewhere", "OWNER TO nobody_here").replace("TO reader", "TO no_reader"))
    return path


def test_compressed_plain_dump_comes_in(server: Server, elsewhere: Path, target: str, tmp_path: Path) -> None:
    path = tmp_path / "dump.sql.gz"
    path.write_bytes(gzip.compress(pg_dump(server, tmp_path / "dump").read_bytes()))
    replace_by_import(target, path, kind_of(path), BIN_DIR)
    assert server.rows("target", QUERY) == server.rows("elsewhere", QUERY)


@pytest.mark.parametrize(
    "line",
    [
        r"\! touch {mark}",
        r"\copy connection from program 'touch {mark}'",
        r"\i /etc/passwd",
        r"\connect postgres",
        r"SELECT 1; \! touch {mark}",
        r"SELECT 1 \g |touch {mark}",
        "SELECT '\n' \\! touch {mark}",
        r"COPY connection FROM PROGRAM 'touch {mark}';",
        r"COPY connection TO '{mark}';",
        "CREATE ROLE another;",
        "ALTER ROLE mwaa_local_import SUPERUSER;",
        "DROP TABLE none;",
        "SELECT pg_read_file('/etc/passwd');",
        "COMMIT; DROP TABLE none;",
    ],
)
def test_script_that_wants_more_than_tables_is_refused_and_changes_nothing(
    server: Server, elsewhere: Path, target: str, tmp_path: Path, line: str
) -> None:
    path = pg_dump(server, tmp_path / "dump")
    path.write_text(f"{path.read_text()}\n{line.replace('{mark}', str(elsewhere))}\n")
    with pytest.raises(DumpRefused):
        replace_by_import(target, path, Kind.PLAIN, BIN_DIR)
    assert is_as_before(server)
    assert not elsewhere.exists()


@pytest.mark.parametrize(
    ("script", "named"),
    [
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "function, f"),
        ("CREATE RULE r AS ON INSERT TO connection DO ALSO SELECT 1", "rule or view"),
        ("CREATE VIEW v AS SELECT 1", "rule or view, public.v"),
        ("CREATE DOMAIN d AS int CHECK (VALUE > 0)", "type that is no enumeration, d"),
        ("ALTER TABLE connection ALTER password SET DEFAULT lo_from_bytea(0, 'x')::text", "calls lo_from_bytea"),
        ("ALTER TABLE connection ADD CHECK (pg_ls_dir(password) IS NULL)", None),
        ("ALTER TABLE connection ADD CHECK (set_config('a.b', password, false) IS NOT NULL)", "calls set_config"),
        ("CREATE INDEX i ON connection (md5(password))", "calls md5"),
        ("CREATE STATISTICS s ON lower(password), conn_id FROM connection", "statistics object, s"),
        (HIDDEN_CALL, "calls lo_export"),
        ("CREATE SCHEMA airflow; CREATE TABLE airflow.dag (id int)", "outside the schema public: airflow.dag"),
    ],
)
def test_what_would_run_when_the_tables_are_used_is_refused_by_name(
    server: Server, elsewhere: Path, target: str, tmp_path: Path, script: str, named: str | None
) -> None:
    path = pg_dump(server, tmp_path / "dump")
    path.write_text(f"{path.read_text()}\nSET search_path = public;\n{script};\n")
    with pytest.raises(DumpRefused) as raised:
        replace_by_import(target, path, Kind.PLAIN, BIN_DIR)
    if named:
        assert named in raised.value.what
    assert is_as_before(server)


def test_enumerations_come_in(server: Server, target: str, tmp_path: Path) -> None:
    server.new("enums", "CREATE TYPE mood AS ENUM ('a'); CREATE TABLE t (m mood, n mood[]); INSERT INTO t VALUES ('a')")
    path = pg_dump(server, tmp_path / "dump", "--format=custom", database="enums")
    replace_by_import(target, path, Kind.ARCHIVE, BIN_DIR)
    assert server.rows("target", "SELECT m::text FROM t") == [("a",)]


def test_cut_dump_changes_nothing_and_shows_no_row(
    server: Server, elsewhere: Path, target: str, tmp_path: Path
) -> None:
    plain = pg_dump(server, tmp_path / "dump").read_bytes()
    (tmp_path / "cut").write_bytes(plain[: plain.index(b"GRANT ALL")])
    archive = pg_dump(server, tmp_path / "archive", "--format=custom").read_bytes()
    (tmp_path / "cut_archive").write_bytes(archive[: len(archive) * 2 // 3])
    # Where psql would take the end of the file for the end of the rows, and between two statements.
    (tmp_path / "cut_rows").write_bytes(plain[: plain.index(b"1\tone\tx\n") + len(b"1\tone\tx\n")])
    (tmp_path / "cut_between").write_bytes(plain[: plain.index(b"\n-- Name: lowered")])
    packed = gzip.compress(plain + os.urandom(200_000))
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) * 2 // 3])
    (tmp_path / "damaged.gz").write_bytes(packed[:2000] + bytes(200) + packed[2200:])
    plain_ones = [(name, Kind.PLAIN) for name in ("cut", "cut_rows", "cut_between", "cut.gz", "damaged.gz")]
    for name, kind in (*plain_ones, ("cut_archive", Kind.ARCHIVE)):
        with pytest.raises((DumpRefused, DumpInvalid)) as raised:
            replace_by_import(target, tmp_path / name, kind, BIN_DIR)
        assert "x = " not in str(raised.value)
        assert is_as_before(server)


def test_statements_of_another_server_go_and_rows_and_texts_stay() -> None:
    last = [b"-- PostgreSQL database dump complete\n"]
    kept = [
        b"CREATE TABLE public.t (a text);\n",
        b"COPY public.t (a) FROM stdin;\n",
        b"GRANT ALL ON x TO y;\n",
        b"\\restrict x\n",
        b"it's\n",
        b"\\.\n",
        b"-- it's a comment\n",
        b"INSERT INTO t VALUES ('x''y\n",
        b"GRANT ALL ON x TO y;\n",
        b"\\! x\n",
        b"');\n",
        b"SELECT 1;\n",
    ]
    left_out = [
        b"\\restrict abc\n",
        b"ALTER TABLE public.t OWNER TO postgres;\n",
        b"ALTER DEFAULT PRIVILEGES FOR ROLE a REVOKE ALL ON TABLES FROM a;\n",
        b"REVOKE ALL ON SCHEMA public FROM rdsadmin;\r\n",
        b"CREATE EXTENSION IF NOT EXISTS pg_stat_statements WITH SCHEMA public;\n",
        b"COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language';\n",
        b"CREATE SCHEMA public;\n",
        b"SET transaction_timeout = 0;\n",
    ]
    assert list(filtered([*left_out, *kept, *left_out, *last])) == [*kept, *last]
    for cut in (kept, kept[:3], [*kept[:8], *last]):
        with pytest.raises(DumpInvalid, match="is cut short"):
            list(filtered(cut))


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"SELECT 1;\n", gzip.compress(b"text", mtime=0)])
def test_what_is_no_dump_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DumpInvalid, match="is no dump of a database") as caught:
        kind_of(tmp_path / "x")
    assert "`mwaa-local db dump FILE`" in caught.value.hint and "pg_dump --no-owner" in caught.value.hint


def test_archive_within_gzip_damaged_gzip_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"PGDMP rest"))
    with pytest.raises(DumpInvalid) as raised:
        kind_of(tmp_path / "x.gz")
    assert raised.value.hint.startswith("gunzip ")
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"PGDMP rest")[:12])
    with pytest.raises(DumpInvalid, match="is damaged"):
        kind_of(tmp_path / "x.gz")
    packed = gzip.compress(os.urandom(2000))
    (tmp_path / "x.gz").write_bytes(packed[:10] + b"\xff" * 50 + packed[60:])
    with pytest.raises(DumpInvalid, match="is damaged"):
        kind_of(tmp_path / "x.gz")
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(FileMissing):
            kind_of(path)


def test_calls_in_texts_are_none() -> None:
    assert calls_of("""("x'" IS NULL) AND (lo_export(o) = 1) AND ("y'" IS NULL)""") == {"and", "lo_export"}
    assert calls_of("nextval('lo_import(1)'::regclass) + public.\"F\" (1)") == {"nextval", "f"}


def test_whoever_uses_what_was_imported_is_no_superuser(tmp_path: Path) -> None:
    """Also Airflow's migration, and our own reading, whatever a dump has in it that was not looked for."""
    with running_server(tmp_path) as server:
        server.new("elsewhere", "CREATE TABLE dag (id int PRIMARY KEY); INSERT INTO dag VALUES (1)")
        path = pg_dump(server, tmp_path / "dump", database="elsewhere")
        replace_by_import(server.url(), path, Kind.PLAIN, BIN_DIR)
        hand_over(server.url())
        assert server.rows("airflow", "SELECT id FROM dag") == [(1,)]
        server.run("airflow", "ALTER TABLE dag ADD x int; CREATE TABLE made_by_a_migration (id int)")
        assert server.rows("airflow", "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [(False,)]
        for forbidden in ("SELECT pg_ls_dir('/')", "CREATE ROLE x", "ALTER ROLE mwaa_local_last LOGIN"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                server.run("airflow", forbidden)
