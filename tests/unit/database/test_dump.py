"""Our dump format, by a real PostgreSQL: what goes out comes back, and what is not whole does not."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import re
import stat
from pathlib import Path

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mwaa_local.database.dump import check_target, dump_file, write_dump, write_rows
from mwaa_local.database.dump_format import Head, checked_head, read_head
from mwaa_local.database.load import Loaded, load_dump, mark_of
from mwaa_local.database.pg_dump import kind_of
from mwaa_local.database.session import reading, writing
from mwaa_local.errors import AccessDenied, DumpExists, DumpInvalid, DumpRefused, FileMissing, MwaaLocalError
from tests.environments import wait_until
from tests.ordinary_user import as_ordinary_user, reachable_folder
from tests.unit.database.servers import TIMEOUT_S, Server

KEY = "2FBG1JoCyp7mrsv07CfnB06yAZt5DdDDaJEfnS2X9Ww="
# Odd names, odd types; two tables that refer to each other; one without a key, one without rows.
SCHEMA = """
    CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
    INSERT INTO alembic_version VALUES ('5f2621c13b39');
    CREATE TYPE mood AS ENUM ('z', 'a');
    CREATE TABLE "Odd ""o"" name" (
        id serial PRIMARY KEY, "Text" text, raw bytea, doc jsonb, plain json, mood mood, at timestamptz, bare timestamp,
        list int[], word varchar(20), number double precision, "select" boolean, span interval, mark uuid
    );
    CREATE TABLE a_child (name text, parent int REFERENCES "Odd ""o"" name" (id), PRIMARY KEY (name, parent));
    CREATE TABLE without_key (doc json, word text);
    CREATE TABLE empty (id int PRIMARY KEY);
    CREATE TABLE celery_taskmeta (id int PRIMARY KEY);
    CREATE SEQUENCE ab_user_id_seq;
    CREATE TABLE ab_user (id int PRIMARY KEY, password text);
"""
ALIVE = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
MAGIC_LINE = b"mwaa-local database dump, format 1\n"
HEAD_WITH = (
    b'{"made_by": "", "airflow_version": "2.10.3", "revisions": {}, "fernet_key": "", "secrets": [],'
    b' "tables": [{"columns": {}, "key": [], "name": %s}]}'
)
ODD = '"Odd ""o"" name"'
text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
rows = st.lists(
    st.tuples(
        st.none() | text,
        st.none() | st.binary(max_size=20),
        st.none() | st.floats(),
        st.none() | st.lists(st.integers(-5, 5), max_size=3),
        st.none() | st.datetimes().map(lambda at: at.replace(year=max(at.year, 1))),
    ),
    max_size=6,
)


@pytest.fixture
def filled(server: Server) -> str:
    """A database with something in every table but one."""
    server.new(
        "source",
        SCHEMA
        + r"""
        INSERT INTO "Odd ""o"" name" ("Text", raw, doc, plain, mood, at, bare, list, word, number, "select", span, mark)
        VALUES (E'tab\t new\n line\r back\\slash \\. \\N', '\x00ff5c2e',
                '{"b": 1, "a": [null, "ü"]}', '{"b":1,  "a":2}',
                'z', '2026-03-29 02:30:00+02', '0001-01-01', '{1,NULL,3}', '', 0.1, true, '1 mon 2 days',
                '00000000-0000-4000-8000-000000000000'),
               (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'NaN', false, NULL, NULL);
        INSERT INTO a_child VALUES ('b', 1), ('B', 2), ('ä', 1), ('_', 1);
        INSERT INTO without_key VALUES ('{"a":1}', 'two'), ('{"a":1}', 'one'), (NULL, NULL);
        INSERT INTO celery_taskmeta VALUES (1);
        INSERT INTO ab_user VALUES (7, 'hash');
        """,
    )
    return server.url("source")


def dump(url: str, path: Path, *, force: bool = False, compressed: bool | None = None) -> Head:
    return write_dump(url, path, airflow_version="2.10.3", fernet_key=KEY, force=force, compressed=compressed)


def load(url: str, path: Path) -> Loaded:
    return load_dump(url, path, fernet_key=KEY)


def test_loaded_dump_gives_the_same_bytes_again(server: Server, filled: str, tmp_path: Path) -> None:
    head = dump(filled, tmp_path / "one")
    target = server.new("target", SCHEMA)
    loaded = load(target, tmp_path / "one")
    dump(target, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert loaded.head == head == checked_head(tmp_path / "one")
    assert {item.table.name: item.rows for item in head.tables} == {
        'Odd "o" name': 2,
        "a_child": 4,
        "ab_user": 1,
        "alembic_version": 1,
        "empty": 0,
        "without_key": 3,
    }
    query = f'SELECT "Text", raw, doc::text, plain::text, mood::text, at, list, word FROM {ODD} ORDER BY id'
    assert server.rows("target", query) == server.rows("source", query)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows)
def test_any_values_come_back(server: Server, tmp_path: Path, rows: list[tuple[object, ...]]) -> None:
    for name in ("any", "any_target"):
        with contextlib.suppress(psycopg2.errors.DuplicateTable):
            if not server.rows("postgres", "SELECT 1 FROM pg_database WHERE datname = %s", name):
                server.new(name, SCHEMA)
        server.run(name, 'TRUNCATE "Odd ""o"" name" CASCADE')
    for row in rows:
        server.run(
            "any",
            'INSERT INTO "Odd ""o"" name" ("Text", raw, number, list, bare) VALUES (%s, %s, %s, %s::int[], %s)',
            *row,
        )
    for name in ("one", "two"):
        (tmp_path / name).unlink(missing_ok=True)
    dump(server.url("any"), tmp_path / "one")
    load(server.url("any_target"), tmp_path / "one")
    dump(server.url("any_target"), tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_neither_order_of_rows_nor_settings_of_the_server_change_the_bytes(
    server: Server, filled: str, tmp_path: Path
) -> None:
    dump(filled, tmp_path / "one")
    server.run("source", 'UPDATE a_child SET name = name; UPDATE "Odd ""o"" name" SET word = word')  # moves the rows
    server.run(
        "source", "DELETE FROM without_key WHERE word = 'two'; INSERT INTO without_key VALUES ('{\"a\":1}', 'two')"
    )
    for setting in (
        "timezone TO 'Asia/Tokyo'",
        "datestyle TO 'German'",
        "bytea_output TO 'escape'",
        "extra_float_digits TO '-5'",
        "intervalstyle TO 'iso_8601'",
        "client_encoding TO 'LATIN1'",
    ):
        server.run("source", f"ALTER DATABASE source SET {setting}")
    dump(filled, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_dump_is_of_one_moment_while_others_write(server: Server, filled: str, tmp_path: Path) -> None:
    class Interfering:
        """Has rows added between the head and the rows."""

        data = b""

        def write(self, data: bytes) -> None:
            if not self.data:
                server.run("source", "INSERT INTO empty VALUES (1); INSERT INTO ab_user VALUES (8, 'new')")
            self.data += data

    sink = Interfering()
    write_rows(filled, sink, airflow_version="2.10.3", fernet_key=KEY)
    (tmp_path / "one").write_bytes(sink.data)
    assert checked_head(tmp_path / "one").rows_of("empty") == 0


def test_sequences_go_on_after_the_largest_number(server: Server, filled: str, tmp_path: Path) -> None:
    dump(filled, tmp_path / "one")
    target = server.new("target", SCHEMA)
    load(target, tmp_path / "one")
    assert server.rows("target", 'SELECT nextval(\'"Odd ""o"" name_id_seq"\'), nextval(\'ab_user_id_seq\')') == [(3, 8)]
    server.run("source", 'TRUNCATE "Odd ""o"" name", ab_user CASCADE')
    dump(filled, tmp_path / "none")
    load(target, tmp_path / "none")
    assert server.rows("target", 'SELECT nextval(\'"Odd ""o"" name_id_seq"\'), nextval(\'ab_user_id_seq\')') == [(1, 1)]


def test_what_was_in_the_target_is_gone_and_so_are_results_of_its_queue(
    server: Server, filled: str, tmp_path: Path
) -> None:
    dump(filled, tmp_path / "one")
    target = server.new("target", SCHEMA + "INSERT INTO empty VALUES (5); INSERT INTO celery_taskmeta VALUES (5);")
    load(target, tmp_path / "one")
    assert server.rows("target", "SELECT count(*) FROM empty") == [(0,)]
    assert server.rows("target", "SELECT count(*) FROM celery_taskmeta") == [(0,)]


def test_columns_in_another_order_do_not_matter(server: Server, tmp_path: Path) -> None:
    revision = "CREATE TABLE alembic_version (version_num text PRIMARY KEY); INSERT INTO alembic_version VALUES ('r');"
    url = server.new("source", revision + "CREATE TABLE t (a int PRIMARY KEY, b text); INSERT INTO t VALUES (1, 'x');")
    dump(url, tmp_path / "one")
    load(server.new("target", revision + "CREATE TABLE t (c int, b text, a int PRIMARY KEY);"), tmp_path / "one")
    assert server.rows("target", "SELECT a, b, c FROM t") == [(1, "x", None)]


def refusal(server: Server, target_schema: str, path: Path) -> MwaaLocalError:
    target = server.new("target", target_schema + "; INSERT INTO empty VALUES (5);")
    with pytest.raises(MwaaLocalError) as raised:
        load(target, path)
    assert server.rows("target", "SELECT * FROM empty") == [(5,)], "the database stays as it was"
    return raised.value


def test_table_or_column_that_the_schema_does_not_have_is_named(server: Server, filled: str, tmp_path: Path) -> None:
    dump(filled, tmp_path / "one")
    error = refusal(server, SCHEMA.replace("without_key", "other"), tmp_path / "one")
    assert error.what == "the schema of Airflow 2.10.3 has no table without_key"
    assert "--leave-out without_key" in error.hint
    error = refusal(server, SCHEMA.replace("password text", "hash text"), tmp_path / "one")
    assert error.what == "the table ab_user has no column password here"
    error = refusal(server, SCHEMA.replace("5f2621c13b39", "22ed7efa9da2"), tmp_path / "one")
    assert error.what == "the dump is of another schema: alembic_version is 5f2621c13b39"
    load_dump(server.new("target", SCHEMA.replace("without_key", "other")), tmp_path / "one", fernet_key=KEY,
              leave_out=["without_key"])  # fmt: skip
    assert server.rows("target", "SELECT count(*) FROM a_child") == [(4,)]


def test_dump_without_the_revision_of_airflow_is_refused(server: Server, filled: str, tmp_path: Path) -> None:
    """It would empty the whole database, and say that it restored 0 rows."""
    server.run("source", "DROP TABLE alembic_version")
    dump(filled, tmp_path / "one")
    assert refusal(server, SCHEMA, tmp_path / "one").what == "the dump does not say of which schema it is"
    dump(server.new("source"), tmp_path / "none")
    assert refusal(server, SCHEMA, tmp_path / "none").what == "the dump does not say of which schema it is"


def test_revision_cannot_be_left_out_and_one_of_a_provider_stays(server: Server, filled: str, tmp_path: Path) -> None:
    dump(filled, tmp_path / "one")
    target = server.new(
        "target",
        f"{SCHEMA} CREATE TABLE alembic_version_edge3 AS SELECT 'e'::text AS version_num; CREATE TABLE e (i int)",
    )
    with pytest.raises(DumpInvalid, match="the table alembic_version cannot be left out"):
        load_dump(target, tmp_path / "one", fernet_key=KEY, leave_out=["alembic_version"])
    load(target, tmp_path / "one")
    assert server.rows("target", "SELECT * FROM alembic_version_edge3") == [("e",)], "its tables are still there"


@pytest.mark.parametrize(
    "kind", ["integer DEFAULT lo_create(7)", "integer CHECK (lo_create(7) IS NULL)", "int, b int", "none", "x' OR 1"]
)
def test_type_in_a_dump_that_is_more_than_a_type_is_refused(
    server: Server, filled: str, tmp_path: Path, kind: str
) -> None:
    server.run("source", "CREATE TABLE sla_miss AS SELECT 1 AS id")
    dump(filled, tmp_path / "one")
    text = (tmp_path / "one").read_text()
    body = re.sub(r'("name": "sla_miss".*?"id": )"integer"', rf'\1"{kind}"', text, flags=re.DOTALL)
    body = body[: body.rindex("sha256 ")]
    assert kind in body
    (tmp_path / "one").write_text(f"{body}sha256 {hashlib.sha256(body.encode()).hexdigest()}\n")
    assert refusal(server, SCHEMA, tmp_path / "one").what == f"the dump names a type that there is not: {kind}"


def test_rows_that_a_migration_put_aside_come_along(server: Server, filled: str, tmp_path: Path) -> None:
    name = "_airflow_moved__2_3__dangling__task_fail"
    server.run("source", f"CREATE TABLE {name} AS SELECT 1 AS id, 'x'::varchar(250) AS \"Dag\", now() AS at")
    dump(filled, tmp_path / "one")
    target = server.new("target", SCHEMA)
    load(target, tmp_path / "one")
    load(target, tmp_path / "one")  # now it is there
    assert server.rows("target", f'SELECT id, "Dag" FROM {name}') == [(1, "x")]


def test_database_that_refuses_a_row_stays_as_it_was_and_no_row_is_shown(
    server: Server, filled: str, tmp_path: Path
) -> None:
    dump(filled, tmp_path / "one")
    error = refusal(server, SCHEMA.replace("password text", "password varchar(2)"), tmp_path / "one")
    assert isinstance(error, DumpRefused)
    assert "too long" in error.why
    assert "hash" not in str(error)
    error = refusal(server, SCHEMA.replace("password text", "password int"), tmp_path / "one")
    assert error.why == 'PostgreSQL: invalid input syntax for type integer: "…"'


@pytest.mark.parametrize("compressed", [False, True])
def test_file_that_is_not_whole_is_refused_at_every_length(
    server: Server, filled: str, tmp_path: Path, compressed: bool
) -> None:
    dump(filled, tmp_path / "one", compressed=compressed)
    whole = (tmp_path / "one").read_bytes()
    for length in range(2, len(whole), 97 if compressed else 31):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(DumpInvalid):
            checked_head(tmp_path / "cut")
    (tmp_path / "cut").write_bytes(whole[:-90])
    assert isinstance(refusal(server, SCHEMA, tmp_path / "cut"), DumpInvalid)


def test_file_that_was_changed_is_refused(server: Server, filled: str, tmp_path: Path) -> None:
    dump(filled, tmp_path / "one")
    whole = (tmp_path / "one").read_bytes()
    for changed in (whole.replace(b"hash", b"harm"), whole + b"\n", whole.replace(b'"rows": 3', b'"rows": 2')):
        assert changed != whole
        (tmp_path / "changed").write_bytes(changed)
        assert isinstance(refusal(server, SCHEMA, tmp_path / "changed"), DumpInvalid)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no dump of mwaa-local"),
        (b"PGDMP\x01", "is no dump of mwaa-local"),
        (b"mwaa-local database dump, format 2\n{}\n\n", "is a dump of format 2"),
        (b"mwaa-local database dump, format 1\n[]\n\n", "cannot be restored"),
        (b'mwaa-local database dump, format 1\n{"tables": 1}\n\n', "cannot be restored"),
        (b"\x1f\x8bnonsense", "cannot be restored"),
        (MAGIC_LINE + b'{"tables":' * 100_000 + b"\n\n", "cannot be restored"),
        (MAGIC_LINE + HEAD_WITH % b'"\\ud800", "rows": 1' + b"\n\n", "cannot be restored"),
        (MAGIC_LINE + HEAD_WITH % b'"\\u0000", "rows": 1' + b"\n\n", "cannot be restored"),
        (MAGIC_LINE + HEAD_WITH % b'"x", "rows": 1e999' + b"\n\n", "cannot be restored"),
    ],
)
def test_file_of_another_kind_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(DumpInvalid, match=words):
        read_head(tmp_path / "other")


def test_missing_file_and_folder_are_named(filled: str, tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="no such file"):
        read_head(tmp_path / "none")
    with pytest.raises(FileMissing, match="is a folder"):
        read_head(tmp_path)
    with pytest.raises(FileMissing, match="no such folder"):
        dump(filled, tmp_path / "none" / "one")


@pytest.mark.parametrize(
    ("link", "what"),
    [("none/z", "no such folder: {}/none"), ("file/z", "{}/file is no folder"), ("none", None), ("link", "already")],
)
def test_link_to_nowhere_is_followed_or_told_with_both_names(
    filled: str, tmp_path: Path, link: str, what: str | None
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / link)
    if what is None:
        dump(filled, tmp_path / "link")
        assert (tmp_path / link).read_bytes().startswith(b"mwaa-local")
        return
    with pytest.raises((FileMissing, DumpExists)) as caught:
        dump(filled, tmp_path / "link")
    assert what.format(tmp_path) in caught.value.what
    assert str(tmp_path / "link") in caught.value.what + caught.value.why


def test_name_that_no_file_can_have_is_told(filled: str, tmp_path: Path) -> None:
    for name in ("a" * 300, f"file/{'a' * 10}"):
        (tmp_path / "file").touch()
        with pytest.raises((AccessDenied, FileMissing)) as caught:
            dump(filled, tmp_path / name)
        assert str((tmp_path / name).parent) in caught.value.what
    with pytest.raises(FileMissing, match="cannot read"):
        read_head(tmp_path / ("a" * 300))
    with pytest.raises(FileMissing, match="cannot read"):
        kind_of(tmp_path / ("a" * 300))


def test_folder_without_the_right_to_write_is_told_before_anything_else() -> None:
    with reachable_folder() as folder:
        (folder / "link").symlink_to(folder / "one")
        for name in ("one", "link"):
            with as_ordinary_user(folder), pytest.raises(AccessDenied) as caught:
                check_target(folder / name)
            assert caught.value.what == f"not allowed to write into {folder}"


def test_file_is_private_whole_and_never_replaced_unasked(filled: str, tmp_path: Path) -> None:
    path = tmp_path / "one"
    dump(filled, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(DumpExists, match="already"):
        dump(filled, path)
    path.write_bytes(b"old")
    path.chmod(0o644)
    dump(filled, path, force=True)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (before, 0o600)
    assert [found.name for found in tmp_path.iterdir()] == ["one"]


def test_only_a_regular_file_is_replaced_and_the_one_behind_a_link(filled: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DumpExists, match="is no regular file"):
        dump(filled, tmp_path / "pipe", force=True)
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "old").write_text("old")
    (tmp_path / "link").symlink_to("old")
    dump(filled, tmp_path / "link", force=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "old").read_bytes().startswith(b"mwaa-local")


def test_file_that_somebody_else_makes_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "one"
    with pytest.raises(DumpExists, match="already"), dump_file(path) as file:
        file.write(b"ours")
        path.write_text("theirs")
    assert (path.read_text(), [found.name for found in tmp_path.iterdir()]) == ("theirs", ["one"])


def test_table_to_leave_out_that_nobody_has_is_named(server: Server, filled: str, tmp_path: Path) -> None:
    dump(filled, tmp_path / "one")
    target = server.new("target", SCHEMA)
    with pytest.raises(DumpInvalid, match="there is no table with_key to leave out"):
        load_dump(target, tmp_path / "one", fernet_key=KEY, leave_out=["with_key"])
    loaded = load_dump(target, tmp_path / "one", fernet_key=KEY, leave_out=["without_key"])
    assert loaded.rows == loaded.head.rows - 3


def test_what_fails_before_the_commit_leaves_the_database_as_it_was(
    server: Server, filled: str, tmp_path: Path
) -> None:
    dump(filled, tmp_path / "one")
    target = server.new("target", SCHEMA + "INSERT INTO empty VALUES (5)")

    def fail(mark: str) -> None:
        marks.append(mark)
        raise KeyboardInterrupt

    marks: list[str] = []

    with pytest.raises(KeyboardInterrupt):
        load_dump(target, tmp_path / "one", fernet_key=KEY, before_commit=fail)
    assert server.rows("target", "SELECT * FROM empty") == [(5,)]
    assert mark_in(target) == "" != marks[0]


def mark_in(url: str) -> str:
    with reading(url) as connection, connection.cursor() as cursor:
        return mark_of(cursor)


def test_each_load_leaves_a_mark_of_its_own_which_no_dump_has(server: Server, filled: str, tmp_path: Path) -> None:
    dump(filled, tmp_path / "one")
    target, marks = server.new("target", SCHEMA), list[str]()
    for _ in range(2):
        load_dump(target, tmp_path / "one", fernet_key=KEY, before_commit=marks.append)
        assert mark_in(target) == marks[-1]
    assert len(set(marks)) == 2
    dump(target, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_connection_that_is_lost_at_the_commit_is_not_said_to_have_changed_nothing(server: Server) -> None:
    target = server.new("target")
    with pytest.raises(DumpRefused) as raised, writing(target) as connection:
        server.run("postgres", "SELECT pg_terminate_backend(%s)", connection.info.backend_pid)
        wait_until(lambda: not server.rows("postgres", ALIVE, connection.info.backend_pid), TIMEOUT_S, "its end")
    assert "may be there all the same" in raised.value.hint
    with pytest.raises(DumpRefused, match="refused it") as raised, writing(target) as connection:
        connection.cursor().execute("SELECT 1/0")
    assert "stays as it was" in raised.value.hint


def test_compressed_dump_is_the_same_each_time_and_holds_the_same(filled: str, tmp_path: Path) -> None:
    for name in ("one.gz", "two.gz", "plain"):
        dump(filled, tmp_path / name)
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    assert gzip.decompress((tmp_path / "one.gz").read_bytes()) == (tmp_path / "plain").read_bytes()
    assert checked_head(tmp_path / "one.gz") == checked_head(tmp_path / "plain")


def test_head_says_which_secrets_it_holds(server: Server, filled: str, tmp_path: Path) -> None:
    assert dump(filled, tmp_path / "one").secrets == ("the Fernet key that opens encrypted values", "ab_user: password")
    assert (tmp_path / "one").read_bytes().startswith(b"mwaa-local database dump, format 1\n{\n")


def test_database_that_does_not_answer_is_an_error_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(DumpRefused) as raised:
        dump("postgresql://airflow:geheim@127.0.0.1:1/airflow", tmp_path / "one")
    assert "geheim" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []
