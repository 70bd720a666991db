"""The project's secrets: made once, private, and never guessed when the file is damaged."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.errors import StateCorrupted
from mwaa_local.secrets import SECRETS_NAME, end_sessions, load_secrets


def test_secrets_are_made_once_and_stay(tmp_path: Path) -> None:
    made = load_secrets(tmp_path)
    assert load_secrets(tmp_path) == made
    assert (tmp_path / SECRETS_NAME).stat().st_mode & 0o777 == 0o600


def test_each_project_has_its_own(tmp_path: Path) -> None:
    one, two = load_secrets(tmp_path / "one"), load_secrets(tmp_path / "two")
    for name in ("fernet_key", "secret_key", "jwt_secret", "broker_password"):
        assert getattr(one, name) != getattr(two, name)


def test_fernet_key_is_one(tmp_path: Path) -> None:
    assert len(base64.urlsafe_b64decode(load_secrets(tmp_path).fernet_key)) == 32


def test_broker_password_can_stand_in_a_url(tmp_path: Path) -> None:
    password = load_secrets(tmp_path).broker_password
    assert password.isalnum()
    assert len(password) >= 32


def test_database_password_is_kept_by_release(tmp_path: Path) -> None:
    load_secrets(tmp_path).with_database("3.3.1", "one").with_database("2.10.3", "two").save(tmp_path)
    secrets = load_secrets(tmp_path)
    assert secrets.database_password("3.3.1") == "one"
    assert secrets.database_password("2.10.3") == "two"


def test_sessions_of_another_database_do_not_hold(tmp_path: Path) -> None:
    kept = load_secrets(tmp_path).with_database("3.3.1", "one").with_database("docker 3.3.1", "two")
    one, two = kept.of_database("3.3.1"), kept.of_database("docker 3.3.1")
    for name in ("secret_key", "jwt_secret"):
        keys = {getattr(each, name) for each in (kept, one, two)}
        assert len(keys) == 3
        assert all(len(key) == 64 for key in keys)
    assert kept.of_database("3.3.1") == one
    assert (one.fernet_key, one.door_key) == (kept.fernet_key, kept.door_key)


def test_sessions_end_and_other_secrets_stay(tmp_path: Path) -> None:
    before = load_secrets(tmp_path)
    end_sessions(tmp_path)
    after = load_secrets(tmp_path)
    assert after.secret_key != before.secret_key
    assert after.jwt_secret != before.jwt_secret
    assert replace(after, secret_key=before.secret_key, jwt_secret=before.jwt_secret) == before


def test_password_that_was_lost_is_corrupted_state(tmp_path: Path) -> None:
    with pytest.raises(StateCorrupted, match=r"password of the 3\.3\.1 database") as caught:
        load_secrets(tmp_path).database_password("3.3.1")
    assert "reset-db" in caught.value.hint


def whole(tmp_path: Path) -> dict[str, object]:
    load_secrets(tmp_path)
    plain: dict[str, object] = json.loads((tmp_path / SECRETS_NAME).read_text())
    return plain


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"fernet_key": "x"}'])
def test_damaged_file_is_corrupted_state_and_stays_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / SECRETS_NAME
    path.write_text(content)
    with pytest.raises(StateCorrupted) as caught:
        load_secrets(tmp_path)
    assert str(path) in caught.value.what
    assert "reset-db" in caught.value.hint
    assert path.read_text() == content


@pytest.mark.parametrize(
    "change",
    [
        {"fernet_key": None},
        {"secret_key": 5},
        {"broker_password": ""},
        {"database_passwords": ["3.3.1"]},
        {"database_passwords": {"3.3.1": 7}},
        {"unknown": "x"},
    ],
    ids=str,
)
def test_value_of_another_kind_is_corrupted_state(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / SECRETS_NAME
    path.write_text(json.dumps({**whole(tmp_path), **change}))
    with pytest.raises(StateCorrupted, match="not what was written") as caught:
        load_secrets(tmp_path)
    assert "None" not in str(caught.value)


def test_no_secret_is_in_an_error(tmp_path: Path) -> None:
    plain = whole(tmp_path)
    (tmp_path / SECRETS_NAME).write_text(json.dumps({**plain, "jwt_secret": 5}))
    with pytest.raises(StateCorrupted) as caught:
        load_secrets(tmp_path)
    assert str(plain["fernet_key"]) not in str(caught.value)
