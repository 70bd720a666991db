"""Tokens say for themselves what they are good for; those for one use are good for one, whatever happens between."""

from __future__ import annotations

import base64
import importlib.util
import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.door.tokens import CLI, LIFETIME_S, MAX_CHARACTERS, ROLES, WEB, TokenRefused, UsedTokens, mint, read
from tests.conftest import REPOSITORY_DIR

KEY, NOW = "a-key", 1_000_000.0
WEB_USER_PATH = REPOSITORY_DIR / "mwaa_local/guest/site_packages/mwaa_support/web_user.py"


def a_token(**members: object) -> str:
    return mint(KEY, CLI, "here", now=NOW, **members)  # type: ignore[arg-type]


def why_refused(token: str, *, key: str = KEY, kind: str = CLI, environment: str = "here", now: float = NOW) -> str:
    with pytest.raises(TokenRefused) as refused:
        read(key, kind, environment, token, now)
    return str(refused.value)


def test_token_says_who_comes_and_until_when() -> None:
    token = mint(KEY, WEB, "here", role="Viewer", user="assumed-role/Admin/me", now=NOW)
    claims = read(KEY, WEB, "here", token, NOW)
    assert (claims.role, claims.user, claims.expires) == ("Viewer", "assumed-role/Admin/me", NOW + LIFETIME_S)


def test_tokens_live_for_sixty_seconds_as_on_mwaa() -> None:
    token = a_token()
    assert read(KEY, CLI, "here", token, NOW + 59.9)
    assert why_refused(token, now=NOW + 60) == "expired"


def test_no_two_tokens_are_alike() -> None:
    tokens = {a_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(len(base64.urlsafe_b64decode(read(KEY, CLI, "here", one, NOW).id + "==")) >= 16 for one in tokens)


def test_token_goes_into_headers_urls_and_forms_as_it_is() -> None:
    token = mint(KEY, WEB, "here", user="a?b=c&d/+é", now=NOW)
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def test_token_of_the_other_kind_is_refused() -> None:
    assert why_refused(a_token(), kind=WEB) == "a cli token where a web token is wanted"
    assert why_refused(mint(KEY, WEB, "here", now=NOW)) == "a web token where a cli token is wanted"


def test_token_of_another_environment_is_refused() -> None:
    assert why_refused(a_token(), environment="there") == "a token of another environment"


def test_token_of_another_project_is_refused() -> None:
    assert why_refused(a_token(), key="another-key") == "not signed by this environment"


def test_changed_claims_are_refused() -> None:
    said, _, signature = a_token(role="Viewer").partition(".")
    claims = json.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
    changed = base64.urlsafe_b64encode(json.dumps({**claims, "role": "Admin"}).encode()).rstrip(b"=").decode()
    assert why_refused(f"{changed}.{signature}") == "not signed by this environment"


@given(place=st.integers(0, 200), letter=st.sampled_from("ab_-.=é \n\x00"))
def test_token_with_another_letter_is_refused(place: int, letter: str) -> None:
    token = mint(KEY, CLI, "here", now=NOW)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        assert why_refused(changed)


@given(st.text(max_size=300))
def test_any_other_text_is_refused(text: str) -> None:
    assert why_refused(text)


@pytest.mark.parametrize("text", ["", ".", "..", "a.", ".a", "a" * (MAX_CHARACTERS + 1)])
def test_what_is_no_token_is_refused(text: str) -> None:
    assert why_refused(text)


def test_longer_token_with_the_right_signature_is_refused() -> None:
    assert why_refused(mint(KEY, CLI, "here", user="u" * MAX_CHARACTERS, now=NOW)) == "not a token"


def test_signed_claims_of_another_version_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from mwaa_local.door import tokens

    for said in ("not base64 nor JSON", tokens._encoded(b"[]"), tokens._encoded(b'{"kind": "cli"}')):
        assert why_refused(f"{said}.{tokens._signature(KEY, said)}") == "not a token of this version"


def test_token_is_taken_once(tmp_path: Path) -> None:
    used = UsedTokens(tmp_path / "used.json")
    claims, other = read(KEY, CLI, "here", a_token(), NOW), read(KEY, CLI, "here", a_token(), NOW)
    assert [used.take(claims, NOW), used.take(claims, NOW), used.take(other, NOW)] == [True, False, True]


def test_token_is_taken_once_over_a_restart(tmp_path: Path) -> None:
    claims = read(KEY, CLI, "here", a_token(), NOW)
    assert UsedTokens(tmp_path / "used.json").take(claims, NOW)
    assert not UsedTokens(tmp_path / "used.json").take(claims, NOW)


def test_file_of_used_tokens_is_private_and_holds_no_token(tmp_path: Path) -> None:
    path, token = tmp_path / "used.json", a_token()
    UsedTokens(path).take(read(KEY, CLI, "here", token, NOW), NOW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in tmp_path.iterdir()] == ["used.json"]
    assert token.partition(".")[0] not in path.read_text()


def test_file_left_readable_by_others_becomes_private(tmp_path: Path) -> None:
    for name in ("used.json", "used.json.new"):
        (tmp_path / name).write_text("{}")
        (tmp_path / name).chmod(0o644)
    UsedTokens(tmp_path / "used.json").take(read(KEY, CLI, "here", a_token(), NOW), NOW)
    assert stat.S_IMODE((tmp_path / "used.json").stat().st_mode) == 0o600


def test_expired_tokens_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "used.json"
    used = UsedTokens(path)
    for number in range(50):
        used.take(read(KEY, CLI, "here", a_token(), NOW), NOW + number)
    late = mint(KEY, CLI, "here", now=NOW + 1000)
    used.take(read(KEY, CLI, "here", late, NOW + 1000), NOW + 1000)
    assert len(json.loads(path.read_text())) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"a": null}', '{"a": []}', '{"a": "b"}', "\x00"])
def test_damaged_file_of_used_tokens_stops_no_login(tmp_path: Path, text: str) -> None:
    path = tmp_path / "used.json"
    path.write_text(text)
    assert UsedTokens(path).take(read(KEY, CLI, "here", a_token(), NOW), NOW)


def test_roles_are_those_that_users_of_the_web_server_get() -> None:
    """That program runs on the release's own Python, and imports nothing of ours."""
    spec = importlib.util.spec_from_file_location("web_user", WEB_USER_PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.ROLES == ROLES
