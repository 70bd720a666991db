"""Secrets are found in whatever form they may come up, and masked wherever they do."""

from __future__ import annotations

import pytest

from mwaa_local.masking import Mask, secrets_of_connection, secrets_of_variables

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
