"""Secrets are found in whatever form they may come up, and masked wherever they do."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mwaa_local import masking
from mwaa_local.masking import MASK, Mask, is_secret, mask, secrets_of_connection, secrets_of_variables, without_secrets

KEY = "-----BEGIN KEY-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END KEY-----\n"


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("aws://", []),
        ("http://host:80/path", []),
        ("postgres://me:s%20esame@host/db", ["postgres://me:s%20esame@host/db", "s%20esame", "s esame"]),
        ("aws://?token=abcdefgh&region_name=eu-west-1", ["aws://?token=abcdefgh&region_name=eu-west-1", "abcdefgh"]),
        ('{"conn_type": "http", "password": "sesame"}', ['{"conn_type": "http", "password": "sesame"}', "sesame"]),
        (
            '{"extra": "{\\"api_key\\": \\"sesame\\", \\"region\\": \\"eu-west-1\\"}"}',
            [
                '{"extra": "{\\"api_key\\": \\"sesame\\", \\"region\\": \\"eu-west-1\\"}"}',
                '{"api_key": "sesame", "region": "eu-west-1"}',
                "sesame",
            ],
        ),
        ('{"extra": {"nested": {"token": "sesame"}}}', ['{"extra": {"nested": {"token": "sesame"}}}', "sesame"]),
        ("{no json", ["{no json"]),
        ("[1, 2]", []),
        ("http://[::1", ["http://[::1"]),
    ],
)
def test_secrets_of_a_connection_are_found_in_every_form(text: str, secrets: list[str]) -> None:
    assert [secret for secret in secrets_of_connection(text) if secret] == secrets


def test_variables_are_secret_by_name_or_by_value() -> None:
    variables = {
        "VAULT_TOKEN": "sesame-token",
        "AIRFLOW_CONN_A": "http://me:sesame-conn@host",
        "DATABASE": "postgresql://me:sesame-url@host/db",
        "APP_SECRET": '{"user": "me", "password": "sesame-json"}',
        "TEAM": "analytics",
    }
    found = set(secrets_of_variables(variables))
    assert {"sesame-token", "sesame-conn", "sesame-url", "sesame-json"} <= found
    assert not found & {"analytics", "me"}


def test_secrets_are_masked_however_deep_and_the_longest_first() -> None:
    mask = Mask(["sesame", "sesame-street", "1", ""])
    value = {"a": ["the sesame-street 1", {"b": ("sesame", 2)}], "c": 1}
    assert mask(value) == {"a": ["the *** 1", {"b": ("***", 2)}], "c": 1}


def test_secret_of_several_lines_is_masked_line_by_line() -> None:
    assert Mask([KEY]).text("a\nMIIEvQIBADAN\nb") == "a\n***\nb"
    assert Mask([KEY]).text(f"key={KEY!r}") == "key='***\\n***\\n***\\n***\\n'"


def test_secret_is_masked_as_it_stands_in_json_and_in_files_of_any_content() -> None:
    mask = Mask(['se"same\\ü'])
    assert mask.content(b'\xff {"event": "se\\"same\\\\\\u00fc"} se"same\\\xc3\xbc') == b'\xff {"event": "***"} ***'


@pytest.mark.parametrize("word", ["airflow", "Password", "abc"])
def test_words_of_every_log_are_no_secrets(word: str) -> None:
    assert Mask([word]).text(f"/usr/local/{word}/dags") == f"/usr/local/{word}/dags"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AIRFLOW__CORE__FERNET_KEY", "x"),
        ("AIRFLOW__SMTP__SMTP_PASSWORD", "x"),
        ("AIRFLOW__FOO__PASS", "x"),
        ("AIRFLOW__API_AUTH__JWT_SECRET", "x"),
        ("AIRFLOW__CELERY__BROKER_URL", "x"),
        ("AIRFLOW__CELERY__RESULT_BACKEND", "x"),
        ("AIRFLOW__CELERY__FLOWER_BASIC_AUTH", "x"),
        ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "x"),
        ("AIRFLOW_CONN_MY_DB", "x"),
        ("AWS_SESSION_TOKEN", "x"),
        ("PIP_EXTRA_INDEX_URL", "https://user:pw@host/simple"),
        ("AIRFLOW__APP__DSN", '{"url": "https://key@sentry.io/1"}'),
        ("AIRFLOW__APP__LOGIN", '{"password": "x"}'),
        ("AIRFLOW__APP__QUERY", "https://host/?token=x"),
    ],
)
def test_secret_is_recognised(name: str, value: str) -> None:
    assert is_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor"),
        ("AIRFLOW__API__BASE_URL", "http://localhost:8080"),
        ("AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES", "proxy,proxies"),
        ("AIRFLOW__APP__MONKEYS", "3"),
        ("AIRFLOW__CORE__PASSENGERS", "3"),
        ("AIRFLOW__EMAIL__FROM", "me@example.com"),
        ("PWD", "/"),
    ],
)
def test_plain_value_is_not_taken_for_a_secret(name: str, value: str) -> None:
    assert not is_secret(name, value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a-key", "***"),
        ("", "***"),
        ("aws://", "aws://"),
        ("redis://:pw@127.0.0.1:6379/0", "redis://***@127.0.0.1:6379/***"),
        ("db+postgresql+psycopg2://u:pw@h/db", "db+postgresql+psycopg2://***@h/***"),
        ("postgresql://u:pw@[::1]:5432/db", "postgresql://***@[::1]:5432/***"),
        ("https://hooks.example.com/T0/secret", "https://hooks.example.com/***"),
        ("https://host?token=secret", "https://host/***"),
        # A password with / or @ in it must not pass for a host.
        ("postgresql://u:a/secret@h/db", "postgresql://***"),
        ("postgresql://u:a@secret@h/db", "postgresql://***"),
        ("redis://h1:1;redis://:secret@h2:2", "redis://***"),
        ("aws://?aws_secret=x@y", "aws://***"),
        ('{"conn_type": "x"}', "***"),
    ],
)
def test_masked_value_shows_scheme_and_host_at_most(value: str, shown: str) -> None:
    assert mask(value) == shown


passwords = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1).map("pw0rd{}pw0rd".format)


@given(passwords)
def test_mask_never_shows_a_password(password: str) -> None:
    assert "pw0rd" not in mask(f"postgresql://user:{password}@host:5432/db")
    assert "pw0rd" not in mask(f"redis://:{password}@host")


# One form, and one owner.


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pip install --index-url https://me:pw0rd@host/simple", "pip install --index-url https://***@host/simple"),
        ("http://me:****@host/simple does not answer", "http://***@host/simple does not answer"),  # as pip has it
        ("https://host/simple?token=pw0rd&a=b", "https://host/simple?token=***&a=b"),
        ("git+ssh://git@host/a.git", "git+ssh://git@host/a.git"),
    ],
)
def test_address_in_a_text_is_shown_in_the_same_form(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_nothing_else_writes_what_stands_for_a_secret() -> None:
    package_dir = Path(masking.__file__).parent
    assert {path.name for path in package_dir.rglob("*.py") if writes_a_mask(path)} == {"masking.py"}


def writes_a_mask(path: Path) -> bool:
    """Whether a text in the code, docstrings left out, has stars in it as a mask has."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    texts = [node for node in nodes if isinstance(node, ast.Constant) and id(node) not in docstrings]
    return any(isinstance(node.value, str) and MASK in node.value for node in texts)
