"""Who may come in how, at a real door: nobody with a password where only tokens are taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mwaa_local.door import jwt
from mwaa_local.door.cookies import prefix_of
from mwaa_local.door.tokens import LIFETIME_S, WEB, mint
from tests.unit.door.doors import ENVIRONMENT, KEY, RunningDoor, WebServer, running_door

OTHER_KEY = "the-key-of-another-door"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def strict_door(started_server: WebServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDoor]:
    with running_door(tmp_path_factory.mktemp("strict"), started_server.port, login="mwaa") as door:
        yield door


@pytest.mark.parametrize("path", ["/login/", "/login", "//login/", "/auth/login/", "/auth/token", "/auth/token/cli"])
def test_password_comes_no_further_where_only_tokens_are_taken(
    strict_door: RunningDoor, server: WebServer, path: str
) -> None:
    answer = strict_door.get(path, "POST", body="username=airflow&password=airflow", headers=FORM)
    assert (answer.status, server.asked) == (403, [])
    page = strict_door.get(path)
    assert (page.status, server.asked) == (401, [])
    assert b"mwaa-local open" in page.body


def test_basic_authorization_comes_no_further_and_a_bearers_does(strict_door: RunningDoor, server: WebServer) -> None:
    strict_door.get("/api/v1/dags", headers={"Authorization": "Basic YWlyZmxvdzphaXJmbG93"})
    strict_door.get("/api/v1/dags", headers={"Authorization": "Bearer x"})
    assert [asked.values("Authorization") for asked in server.asked] == [[], ["Bearer x"]]


def test_browser_comes_with_its_cookie_in_the_place_of_a_bearer_that_is_not_of_here(
    server: WebServer, tmp_path: Path
) -> None:
    """Airflow 3.0's pages send what another Airflow on the same port has left in the browser's storage."""
    ours, older, others = (jwt.mint(key, user, 60) for key, user in ((KEY, "7"), (KEY, "8"), (OTHER_KEY, "1")))
    expired = jwt.mint(KEY, "7", -1)
    cookie = {"Cookie": f"{prefix_of(KEY)}_token={ours}", "Sec-Fetch-Site": "same-origin"}
    with running_door(tmp_path, server.port, generation="3.x", login="mwaa") as door:
        for bearer in (others, expired, "x", older):
            door.get("/api/v2/dags", headers={**cookie, "Authorization": f"Bearer {bearer}"})
        door.get("/api/v2/dags", headers={"Sec-Fetch-Site": "same-origin", "Authorization": f"Bearer {others}"})
        door.get("/api/v2/dags", headers={"Cookie": f"_token={ours}", "Authorization": f"Bearer {others}"})
    seen = [asked.values("Authorization") for asked in server.asked]
    assert seen == [[f"Bearer {token}"] for token in (ours, ours, ours, older, others, others)]


@pytest.mark.parametrize("written", ["Basic YTpi", "basic\tYTpi", "BASIC  YTpi", "Basic"])
@pytest.mark.parametrize("before", [[], ["Bearer x"]])
def test_password_comes_no_further_however_it_is_written(
    strict_door: RunningDoor, server: WebServer, written: str, before: list[str]
) -> None:
    lines = "".join(f"Authorization: {value}\r\n" for value in [*before, written])
    strict_door.exchange(f"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n".encode())
    assert [asked.values("Authorization") for asked in server.asked] == [before]


def test_password_is_airflows_to_judge_elsewhere(door: RunningDoor, server: WebServer) -> None:
    door.get("/login/", "POST", body="username=airflow", headers=FORM)
    door.get("/api/v1/dags", headers={"Authorization": "Basic YWlyZmxvdzphaXJmbG93"})
    assert [asked.line.split()[1] for asked in server.asked] == ["/login/", "/api/v1/dags"]
    assert server.asked[1].values("Authorization") == ["Basic YWlyZmxvdzphaXJmbG93"]


@pytest.mark.parametrize(
    "token",
    [
        "x",
        mint(OTHER_KEY, WEB, ENVIRONMENT),
        mint(KEY, WEB, "another-environment"),
        mint(KEY, "cli", ENVIRONMENT),
        mint(KEY, WEB, ENVIRONMENT, lifetime_s=-LIFETIME_S),
    ],
)
def test_token_that_is_not_good_signs_nobody_in(strict_door: RunningDoor, server: WebServer, token: str) -> None:
    answer = strict_door.get("/aws_mwaa/login", "POST", body=f"token={token}", headers=FORM)
    assert (answer.status, server.asked) == (403, [])
    assert b"create-web-login-token" in answer.body
    assert not token or token not in strict_door.log


def test_token_is_not_lost_where_nobody_could_be_signed_in_yet(strict_door: RunningDoor) -> None:
    body = f"token={mint(KEY, WEB, ENVIRONMENT)}"
    for _ in range(2):
        assert strict_door.get("/aws_mwaa/login", "POST", body=body, headers=FORM).status == 503


def test_page_of_another_site_signs_nobody_in(strict_door: RunningDoor) -> None:
    headers = {**FORM, "Origin": "http://evil.example.com"}
    assert strict_door.get("/aws_mwaa/login", "POST", body="token=x", headers=headers).status == 403


@pytest.fixture(scope="module")
def third_door(started_server: WebServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDoor]:
    """A door of Airflow 3."""
    with running_door(tmp_path_factory.mktemp("third"), started_server.port, generation="3.x") as door:
        yield door


@pytest.mark.parametrize("body", ["", "tokn=x", '{"token": "x"}', "token="])
def test_form_without_a_token_is_told_so(strict_door: RunningDoor, body: str) -> None:
    answer = strict_door.get("/aws_mwaa/login", "POST", body=body, headers=FORM)
    assert (answer.status, b"no web token in this request. Post it as a form" in answer.body) == (403, True)


@pytest.mark.parametrize("what", ["login", "aws-console-sso"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_path_of_the_other_generation_is_not_there_and_the_right_one_is_named(
    strict_door: RunningDoor, third_door: RunningDoor, server: WebServer, what: str, method: str
) -> None:
    """MWAA user guide, "Use the Apache Airflow REST API": each generation has a path of its own to sign in."""
    answer = strict_door.get(f"/pluginsv2/aws_mwaa/{what}", method)
    assert (answer.status, f"is at /aws_mwaa/{what}." in answer.text) == (404, True)
    if what == "login":
        answer = third_door.get("/aws_mwaa/login", method)
        assert answer.status == 404
        assert "Airflow 3.3.1, where /aws_mwaa/login is at /pluginsv2/aws_mwaa/login." in answer.text
    assert server.asked == []


@pytest.mark.parametrize(
    ("path", "method", "right"),
    [
        ("/aws_mwaa/login", "GET", "POST"),
        ("/aws_mwaa/login", "PUT", "POST"),
        ("/aws_mwaa/aws-console-sso", "POST", "GET"),
    ],
)
def test_other_methods_of_a_path_are_told_the_right_one(
    strict_door: RunningDoor, server: WebServer, path: str, method: str, right: str
) -> None:
    answer = strict_door.get(path, method)
    assert (answer.status, answer.values("Allow"), server.asked) == (405, [right], [])
    assert f"{path} takes {right} alone" in answer.text
