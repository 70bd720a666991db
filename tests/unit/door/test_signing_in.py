"""Signing in at a real door, before a web server and beside a maker of users of which a test decides what they do."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mwaa_local.door import airflow_login, jwt
from mwaa_local.door.airflow_login import LoginFailed, session_cookie
from mwaa_local.door.cookies import prefix_of
from mwaa_local.door.login import MAX_FORM_BYTES
from mwaa_local.door.login_page import GO_ON_PATH
from mwaa_local.door.proxy import Upstream
from mwaa_local.door.tokens import WEB, mint
from tests.unit.door.airflow_users import Airflow, Users
from tests.unit.door.doors import (
    ENVIRONMENT,
    KEY,
    TIMEOUT_S,
    Answer,
    Asked,
    RunningDoor,
    WebServer,
    all_of,
    running_door,
    until,
)

POST = "/aws_mwaa/login"
HEAD = "Host: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n"
PAUSE_S = 0.5  # enough for what must not happen to happen


@pytest.fixture
def airflow(server: WebServer, tmp_path: Path) -> Airflow:
    return Airflow(server, Users(tmp_path))


@pytest.fixture
def own_door(server: WebServer, airflow: Airflow, tmp_path: Path) -> Iterator[RunningDoor]:
    with running_door(tmp_path, server.port, login="mwaa") as door:
        yield door


def form() -> str:
    return f"token={mint(KEY, WEB, ENVIRONMENT, user='ann')}"


def head(length: int) -> bytes:
    return f"POST {POST} HTTP/1.1\r\n{HEAD}Content-Length: {length}\r\n\r\n".encode()


def test_form_may_come_in_pieces_and_is_refused_where_it_is_too_long(own_door: RunningDoor) -> None:
    body = form().encode()
    with own_door.raw(head(len(body)) + body[:20]) as client:
        time.sleep(PAUSE_S)
        client.sendall(body[20:])
        assert all_of(client).startswith(b"HTTP/1.1 200 ")
    answer = own_door.get(POST, "POST", body=form() + "&more=" + "x" * MAX_FORM_BYTES)
    assert (answer.status, "too long" in answer.text) == (413, True)


def test_token_is_not_lost_where_the_client_goes_away(own_door: RunningDoor, airflow: Airflow) -> None:
    reached, goes_on, body = threading.Event(), threading.Event(), form()
    airflow.before_form = lambda: reached.set() or goes_on.wait(TIMEOUT_S)  # type: ignore[func-returns-value]
    with own_door.raw(head(len(body)) + body.encode()):
        assert reached.wait(TIMEOUT_S)
    used = own_door.folder / "used-tokens.json"
    until(lambda: json.loads(used.read_text()) == {}, "the token is given back")
    goes_on.set()
    assert own_door.get(POST, "POST", body=body).status == 200


def test_sign_ins_of_one_user_at_once_leave_each_other_alone(own_door: RunningDoor, airflow: Airflow) -> None:
    airflow.before_form = lambda: time.sleep(PAUSE_S)  # in which another one would give the user another password
    with ThreadPoolExecutor() as threads:
        answers = [threads.submit(own_door.get, POST, "POST", body=form()) for _ in range(3)]
        assert [answer.result().status for answer in answers] == [200] * 3
    assert len({user["password_hash"] for user in airflow.users.made}) == 3


def test_web_server_that_never_answers_is_given_up(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert airflow_login.REQUEST_LIMIT_S == 20
    monkeypatch.setattr(airflow_login, "REQUEST_LIMIT_S", 0.2)
    goes_on = threading.Event()

    def wait(_asked: Asked) -> None:
        goes_on.wait(TIMEOUT_S)

    server.answer = wait

    async def ask() -> None:
        upstream = Upstream(("127.0.0.1", server.port))
        await upstream.open()
        try:
            await session_cookie(upstream, "/login/", "ann", "x", "")
        finally:
            await upstream.close()

    with pytest.raises(LoginFailed, match=r"within 0\.2 s; `mwaa-local logs webserver` may say why, then try again"):
        asyncio.run(asyncio.wait_for(ask(), TIMEOUT_S / 10))
    goes_on.set()


POST_3 = "/pluginsv2/aws_mwaa/login"
BROWSER = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none", "Accept": "text/html"}


@pytest.fixture
def open_door(server: WebServer, airflow: Airflow, tmp_path: Path) -> Iterator[RunningDoor]:
    with running_door(tmp_path, server.port, generation="3.x") as door:
        yield door


def kept(answer: Answer) -> str:
    """Return the cookies that a client has after an answer."""
    set_cookies = (value.partition(";")[0] for value in answer.values("Set-Cookie"))
    return "; ".join(value for value in set_cookies if not value.endswith('=""'))


@pytest.mark.parametrize("headers", [BROWSER, {}])
def test_who_failed_to_sign_in_is_not_the_admin_that_others_are(
    open_door: RunningDoor, server: WebServer, headers: dict[str, str]
) -> None:
    assert open_door.get("/", headers=headers).status == 200
    assert server.asked[-1].values("Authorization")[0].startswith("Bearer ")  # the admin's
    server.reset()
    refused = open_door.get(POST_3, "POST", body="token=used", headers={**headers, "Accept": "*/*"})
    assert refused.status == 403
    cookie = {"Cookie": kept(refused)}
    for path in ("/", "/api/v2/dags", "/auth/token"):
        answer = open_door.get(path, headers={**headers, **cookie})
        assert answer.status == 401
        assert "signing in failed" in answer.text
    assert server.asked == []


EXPIRED = f"Bearer {jwt.mint(KEY, '2', -1)}"
FOREIGN = f"Bearer {jwt.mint('the-key-of-another', '2', 600)}"
PASSWORD = "Basic YW5uOmFubg=="


@pytest.mark.parametrize(
    ("path", "headers", "authorization"),
    [
        *((path, BROWSER, bearer) for path in ("/", "/api/v2/dags", "/auth/token") for bearer in (EXPIRED, FOREIGN)),
        *(("/auth/token", {}, value) for value in (EXPIRED, FOREIGN, PASSWORD)),
        ("/auth/token", BROWSER, PASSWORD),
    ],
)
def test_who_is_signed_out_is_no_admin_for_credentials_that_are_worth_nothing(
    open_door: RunningDoor, server: WebServer, path: str, headers: dict[str, str], authorization: str
) -> None:
    cookie = {"Cookie": f"{prefix_of(KEY)}asked=1"}
    answer = open_door.get(path, headers={**headers, **cookie, "Authorization": authorization})
    assert (answer.status, "signing in failed" in answer.text) == (401, True)
    assert server.asked == []


def test_who_is_signed_out_may_bring_a_token_of_its_own(open_door: RunningDoor, server: WebServer) -> None:
    cookie, valid = {"Cookie": f"{prefix_of(KEY)}asked=1"}, f"Bearer {jwt.mint(KEY, '2', 600)}"
    # Of a program's credentials Airflow decides, whatever they are.
    for headers, authorization in ((BROWSER, valid), ({}, valid), ({}, EXPIRED), ({}, PASSWORD)):
        assert open_door.get("/", headers={**headers, **cookie, "Authorization": authorization}).status == 200
        assert server.asked[-1].values("Authorization") == [authorization]


@pytest.mark.parametrize("headers", [BROWSER, {}])
def test_who_is_signed_in_gets_no_token_of_the_admin(
    open_door: RunningDoor, server: WebServer, airflow: Airflow, headers: dict[str, str]
) -> None:
    token = jwt.mint(KEY, "2", 600)
    name = f"{prefix_of(KEY)}_token" if headers else "_token"
    for own in ({"Cookie": f"{name}={token}"}, {"Authorization": f"Bearer {token}"}):
        assert open_door.get("/auth/token", headers={**headers, **own}).status == 200  # Airflow's answer
        assert server.asked[-1].values("Authorization") == [f"Bearer {token}"]
    assert airflow.users.made == []


def test_who_is_signed_out_may_go_on_as_admin(open_door: RunningDoor, server: WebServer) -> None:
    signed_in = open_door.get(POST_3, "POST", body=form(), headers={**BROWSER, "Accept": "*/*"})
    assert signed_in.status == 200
    asked, token = (next(each for each in kept(signed_in).split("; ") if name in each) for name in ("asked", "_token"))
    assert open_door.get("/", headers={**BROWSER, "Cookie": f"{asked}; {token}"}).status == 200
    # The browser drops what is over; the mark of it stays for longer.
    page = open_door.get("/", headers={**BROWSER, "Cookie": asked})
    assert page.status == 401
    assert "Your session has ended" in page.text
    other_keys = open_door.get("/", headers={**BROWSER, "Cookie": f"{asked}; {token[:-3]}"})
    assert other_keys.status == 401
    go_on = page.text.partition('<form method="post" action="')[2].partition('"')[0]
    assert "form-action 'self'" in page.values("Content-Security-Policy")[0]
    assert page.values("Referrer-Policy") == ["same-origin"]  # else the form has no origin
    own_page = {"Sec-Fetch-Site": "same-origin", "Origin": open_door.url, "Cookie": asked}
    forgotten = open_door.get(go_on, "POST", headers={**BROWSER, **own_page})
    assert (forgotten.status, forgotten.values("Location"), kept(forgotten)) == (303, ["/"], "")
    assert any(value.startswith(f"{asked.partition('=')[0]}=") for value in forgotten.values("Set-Cookie"))
    assert all("asked" not in str(each.headers) for each in server.asked)  # nothing of Airflow's


@pytest.mark.parametrize(
    ("method", "site", "origin", "status"),
    [
        ("GET", "cross-site", None, 405),  # a link, which may be on any page
        ("GET", "none", None, 405),
        ("POST", "cross-site", "https://example.com", 403),
        ("POST", "same-site", "http://localhost:1", 403),
        ("POST", "cross-site", "null", 403),
    ],
)
def test_no_other_site_makes_a_browser_the_admin(
    open_door: RunningDoor, server: WebServer, method: str, site: str, origin: str | None, status: int
) -> None:
    headers = {**BROWSER, "Sec-Fetch-Site": site, **({"Origin": origin} if origin else {})}
    answer = open_door.get(GO_ON_PATH, method, headers=headers)
    assert (answer.status, answer.values("Set-Cookie")) == (status, [])
    assert server.asked == []


def test_nobody_is_asked_to_sign_in_where_nobody_is_admin_by_default(own_door: RunningDoor) -> None:
    assert own_door.get(POST, "POST", body="token=used").values("Set-Cookie") == []
