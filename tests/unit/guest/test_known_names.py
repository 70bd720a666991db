"""Which requests a web server without a login may answer, asked of the very module that the API server loads."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from mwaa_local.packages import SUPPORT_DIR

sys.path.append(str(SUPPORT_DIR))

from mwaa_support.known_names import KnownNames, name_of  # type: ignore[import-not-found]

NAMES = ("localhost", "127.0.0.1", "::1", "webserver", "My-Machine.example.com")
ANSWERED, WRONG_NAME, WRONG_PAGE = 200, 421, 403


def answer(
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    origins: tuple[str, ...] = (),
    more: tuple[tuple[bytes, bytes], ...] = (),
    kind: str = "http",
) -> tuple[int, str]:
    """Return status and text that a request gets; the application behind answers 200 to whatever it hears of."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": ANSWERED, "headers": []})
        await send({"type": "http.response.body", "body": b"secret"})

    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    scope = {"type": kind, "headers": [*raw, *more], **({"method": method} if kind == "http" else {})}
    asyncio.run(KnownNames(application, NAMES, origins)(scope, None, send))
    first = sent[0]
    return first["status"] if "status" in first else first["code"], sent[-1].get("body", b"").decode()


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:8080", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:0", "[::1]", "[::1]:8080"),
        *("webserver:8080", "my-machine.example.com", "My-Machine.Example.com:443", "localhost:"),
    ],
)
def test_known_name_is_answered_with_any_port(host: str) -> None:
    assert answer(headers={"Host": host}) == (ANSWERED, "secret")


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8080", "localhost.evil.example", "evil-localhost", "127.0.0.1.nip.io"),
        *("localhost:80.evil.example", "localhost:80:80", "localhost@evil.example", "evil.example#localhost"),
        *("", " ", ":8080", "localhost, evil.example", "localhost evil.example", "localhost\n", "10.0.0.1"),
        *("[::2]", "::1", "[localhost", "[::1]x", "example.com", "machine.example.com"),
    ],
)
def test_other_name_is_refused_with_the_names_and_the_setting(host: str) -> None:
    status, text = answer(headers={"Host": host})
    assert status == WRONG_NAME
    assert "answers to localhost, 127.0.0.1, [::1], webserver, my-machine.example.com only" in text
    assert "Local:\n  WebserverNames: [" in text
    assert "mwaa-local up" in text


def test_request_without_a_host_or_with_two_is_refused() -> None:
    assert answer()[0] == WRONG_NAME
    assert answer(headers={"Host": "localhost"}, more=((b"host", b"evil.example"),))[0] == WRONG_NAME


def test_name_that_a_proxy_forwards_counts_for_nothing() -> None:
    assert answer(headers={"Host": "evil.example", "X-Forwarded-Host": "localhost"})[0] == WRONG_NAME


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "null", "http://localhost.evil.example", "http://[", "", "http://localhost:8080x"),
        *(
            "http://localhost:3000",
            "http://127.0.0.1:3000",
            "http://[::1]:808",
            "http://localhost",
            "https://localhost",
        ),
        *("http://my-machine.example.com:3000", "ftp://localhost:8080", "localhost:8080", "http://localhost:99999"),
    ],
)
def test_change_from_a_page_of_another_site_is_refused(method: str, origin: str) -> None:
    status, text = answer(method, {"Host": "localhost:8080", "Origin": origin})
    assert status == WRONG_PAGE
    assert "api.access_control_allow_origins" in text


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8080", "localhost:8080"),
        ("http://127.0.0.1:8080", "localhost:8080"),
        ("http://[::1]:8080", "localhost:8080"),
        ("HTTP://LOCALHOST:40123", "localhost:40123"),  # a port that was chosen at the start, or published by Docker
        ("http://localhost", "localhost"),
        ("http://localhost", "localhost:80"),
        ("http://localhost:80", "localhost"),
        ("https://my-machine.example.com", "my-machine.example.com"),  # behind a proxy that passes the name on
        ("https://my-machine.example.com", "localhost:8080"),  # behind one that does not
        ("http://my-machine.example.com:8443", "my-machine.example.com:8443"),
    ],
)
def test_change_from_an_own_page_or_from_no_page_is_answered(origin: str, host: str) -> None:
    assert answer("POST", {"Host": host, "Origin": origin})[0] == ANSWERED
    assert answer("POST", {"Host": host})[0] == ANSWERED


def test_page_of_another_port_that_the_user_allows_may_change() -> None:
    headers = {"Host": "localhost:8080", "Origin": "http://localhost:3000"}
    assert answer("POST", headers, ("http://localhost:3000",))[0] == ANSWERED
    assert answer("POST", headers, ("http://localhost:3001",))[0] == WRONG_PAGE


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_page_of_another_site_may_ask_but_not_change(method: str) -> None:
    """The browser keeps the answer from that page; OPTIONS is how it asks whether it may send more."""
    assert answer(method, {"Host": "localhost", "Origin": "https://other.example"})[0] == ANSWERED


@pytest.mark.parametrize("allowed", ["https://other.example", "*"])
def test_site_that_the_user_allows_may_change(allowed: str) -> None:
    headers = {"Host": "localhost", "Origin": "https://other.example"}
    assert answer("POST", headers, (allowed,))[0] == ANSWERED
    assert answer("POST", {**headers, "Origin": "https://evil.example"}, ("https://other.example",))[0] == WRONG_PAGE


def test_websocket_is_opened_for_own_pages_only() -> None:
    own = {"Host": "localhost:8080", "Origin": "http://localhost:8080"}
    assert answer(headers=own, kind="websocket")[0] == ANSWERED
    for headers in ({"Host": "evil.example"}, {**own, "Origin": "http://localhost:3000"}):
        assert answer(headers=headers, kind="websocket")[0] == 1008


def test_start_and_end_of_the_server_reach_the_application() -> None:
    assert answer(kind="lifespan") == (ANSWERED, "secret")


def test_answer_to_head_has_no_text() -> None:
    assert answer("HEAD", {"Host": "evil.example"}) == (WRONG_NAME, "")


def test_name_of_a_host() -> None:
    assert name_of("[FE80::1]:80") == "fe80::1"
    assert name_of("a b") is None
