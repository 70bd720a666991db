"""Tokens of Airflow 3's API. That Airflow takes them is seen in tests/integration/test_login.py."""

from __future__ import annotations

import base64
import json

from mwaa_local.door.jwt import is_valid, mint

NOW, HOUR = 1_800_000_000.0, 3600


def test_token_is_valid_until_it_expires_and_with_its_own_key_only() -> None:
    token = mint("key", "7", HOUR, NOW)
    assert is_valid("key", token, NOW + HOUR - 1)
    assert not is_valid("key", token, NOW + HOUR)
    assert not is_valid("another key", token, NOW)


def test_changed_token_is_not_valid() -> None:
    head, _, signature = mint("key", "7", HOUR, NOW).split(".")
    claims = {"sub": "1", "exp": NOW + HOUR}
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    assert not is_valid("key", f"{head}.{changed}.{signature}", NOW)


def test_what_was_never_a_token_is_not_valid() -> None:
    for text in ("", ".", "..", "a.b.c", "é.é.é", "x" * 10_000):
        assert not is_valid("key", text, NOW)


def test_claims_are_those_that_airflow_asks_for() -> None:
    encoded = mint("key", "7", HOUR, NOW).split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    assert claims.pop("jti")
    assert claims == {"sub": "7", "aud": "apache-airflow", "iat": NOW, "nbf": NOW, "exp": NOW + HOUR}
