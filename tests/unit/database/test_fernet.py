"""Encrypted values under another key, in a real database and by the library that Airflow uses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from cryptography.fernet import Fernet

from mwaa_local.database.dump import write_dump
from mwaa_local.database.fernet import check_keys, encrypt_anew
from mwaa_local.database.load import load_dump
from mwaa_local.database.tables import read_tables
from mwaa_local.errors import ValuesUnreadable
from tests.unit.database.servers import Server

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
SCHEMA = """
    CREATE TABLE alembic_version (version_num text PRIMARY KEY); INSERT INTO alembic_version VALUES ('r');
    CREATE TABLE connection (id serial PRIMARY KEY, conn_id text, password text, extra text,
                             is_encrypted boolean, is_extra_encrypted boolean);
    CREATE TABLE variable (id serial PRIMARY KEY, key text, val text, is_encrypted boolean);
    CREATE TABLE trigger (id serial PRIMARY KEY, kwargs text);
    CREATE TABLE connection_test_request (id int PRIMARY KEY, connection_id text, password text, extra text,
                                          is_encrypted boolean, is_extra_encrypted boolean);
"""


def token(text: str, key: str = OLD) -> str:
    return Fernet(key).encrypt(text.encode()).decode()


def opened(value: object, key: str = NEW) -> str:
    return Fernet(key).decrypt(str(value).encode()).decode()


@pytest.fixture
def url(server: Server) -> str:
    made = server.new("source", SCHEMA)
    for name, password, extra, *flags in (
        ("a", token("geheim"), token('{"x": 1}'), True, True),
        ("plain", "open", "{}", False, False),
        ("none", None, "", True, True),
    ):
        server.run("source", "INSERT INTO connection (conn_id, password, extra, is_encrypted, is_extra_encrypted)"
                   " VALUES (%s, %s, %s, %s, %s)", name, password, extra, *flags)  # fmt: skip
    server.run("source", "INSERT INTO variable (key, val, is_encrypted) VALUES ('v', %s, true), ('w', 'x', false)",
               token("größe"))  # fmt: skip
    server.run("source", "INSERT INTO trigger (kwargs) VALUES (%s), ('{\"plain\": 1}')", token("{}"))
    server.run("source", "INSERT INTO connection_test_request VALUES (1, 'c', %s, NULL, true, false)", token("p"))
    return made


@contextlib.contextmanager
def cursor_of(url: str) -> Iterator[psycopg2.extensions.cursor]:
    connection = psycopg2.connect(url)
    with contextlib.closing(connection), connection, connection.cursor() as cursor:
        yield cursor


def test_every_encrypted_value_comes_under_the_new_key_and_the_rest_stays(server: Server, url: str) -> None:
    with cursor_of(url) as cursor:
        assert encrypt_anew(cursor, read_tables(cursor), OLD, NEW) == ()
    [first, *others] = server.rows("source", "SELECT password, extra FROM connection ORDER BY id")
    assert [opened(value) for value in first] == ["geheim", '{"x": 1}']
    assert others == [("open", "{}"), (None, "")]
    [(secret,), plain] = server.rows("source", "SELECT val FROM variable ORDER BY id")
    assert (opened(secret), plain) == ("größe", ("x",))
    [(kwargs,), old] = server.rows("source", "SELECT kwargs FROM trigger ORDER BY id")
    assert (opened(kwargs), old) == ("{}", ('{"plain": 1}',))
    assert opened(server.rows("source", "SELECT password FROM connection_test_request")[0][0]) == "p"


def test_value_that_the_key_does_not_open_is_named_and_nothing_is_changed(server: Server, url: str) -> None:
    server.run("source", "UPDATE connection SET password = %s WHERE conn_id = 'a'", token("x", OTHER))
    before = server.rows("source", "SELECT * FROM variable ORDER BY id")
    with pytest.raises(ValuesUnreadable) as raised, cursor_of(url) as cursor:
        encrypt_anew(cursor, read_tables(cursor), OLD, NEW)
    assert raised.value.what == "the Fernet key does not open 1 encrypted value"
    assert raised.value.why == "connection a: password"
    assert server.rows("source", "SELECT * FROM variable ORDER BY id") == before
    with cursor_of(url) as cursor:
        kept = encrypt_anew(cursor, read_tables(cursor), OLD, NEW, keep_unreadable=True)
    assert kept == ("connection a: password",)
    [(value,)] = server.rows("source", "SELECT password FROM connection WHERE conn_id = 'a'")
    assert opened(value, OTHER) == "x"


def test_several_keys_as_after_a_rotation_open_what_any_of_them_does(url: str) -> None:
    with cursor_of(url) as cursor:
        assert encrypt_anew(cursor, read_tables(cursor), f"{OTHER},{OLD}", NEW) == ()


def test_without_a_key_encrypted_values_are_named(url: str) -> None:
    with (
        pytest.raises(ValuesUnreadable, match="there is no Fernet key for 5 encrypted values"),
        cursor_of(url) as cursor,
    ):
        encrypt_anew(cursor, read_tables(cursor), "", NEW)


def test_column_of_json_is_of_before_triggers_were_encrypted(server: Server) -> None:
    url = server.new(
        "json", "CREATE TABLE trigger (id int PRIMARY KEY, kwargs json); INSERT INTO trigger VALUES (1, '{}')"
    )
    with cursor_of(url) as cursor:
        assert encrypt_anew(cursor, read_tables(cursor), OLD, NEW) == ()


@pytest.mark.parametrize("key", ["x", f"{OLD},x", OLD[:-2]], ids=["no key", "second is none", "too short"])
def test_key_that_is_none_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValuesUnreadable) as raised:
        check_keys(key)
    assert OLD[:10] not in str(raised.value)


def test_dump_comes_into_another_project_by_the_key_that_it_carries(server: Server, url: str, tmp_path: Path) -> None:
    write_dump(url, tmp_path / "one", airflow_version="2.10.3", fernet_key=OLD)
    target = server.new("target", SCHEMA)
    assert load_dump(target, tmp_path / "one", fernet_key=NEW).unreadable == ()
    assert opened(server.rows("target", "SELECT password FROM connection WHERE conn_id = 'a'")[0][0]) == "geheim"
    load_dump(target, tmp_path / "one", fernet_key=NEW, old_key=OTHER)  # one more key takes nothing away
    assert opened(server.rows("target", "SELECT password FROM connection WHERE conn_id = 'a'")[0][0]) == "geheim"


def test_key_of_this_project_in_the_place_of_the_dumps_own_leaves_nothing_unread(
    server: Server, url: str, tmp_path: Path
) -> None:
    write_dump(url, tmp_path / "one", airflow_version="2.10.3", fernet_key=OTHER)
    target = server.new("target", SCHEMA)
    with pytest.raises(ValuesUnreadable):
        load_dump(target, tmp_path / "one", fernet_key=NEW, old_key=NEW)
    load_dump(target, tmp_path / "one", fernet_key=NEW, old_key=f"{NEW},{OLD}")
    assert opened(server.rows("target", "SELECT password FROM connection WHERE conn_id = 'a'")[0][0]) == "geheim"
    with cursor_of(url) as cursor:  # as for an import: the same key is no reason not to look
        assert len(encrypt_anew(cursor, read_tables(cursor), NEW, NEW, keep_unreadable=True)) == 5
