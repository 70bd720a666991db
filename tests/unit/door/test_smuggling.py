"""One request is one request: what two servers could read in two ways is not passed on."""

from __future__ import annotations

import pytest

from tests.unit.door.doors import RunningDoor, WebServer, all_of

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
HOST_LINE = b"Host: localhost\r\n"
POST = b"POST / HTTP/1.1\r\n" + HOST_LINE


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\nab",
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        POST + b"X-A: 1\r\n Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nab",
        POST + b"X-A: 1\r\n\tfolded\r\nContent-Length: 2\r\n\r\nab",
        POST + b"Content-Length: 2\r\nContent-Length: 45\r\n\r\nab",
        POST + b"Content-Length: 2, 45\r\n\r\nab",
        POST + b"Content-Length: +2\r\n\r\nab",
        POST + b"Content-Length: 0x2\r\n\r\nab",
        POST + b"Content-Length: -1\r\n\r\nab",
        POST + b"Content-Length: 1_0\r\n\r\n0123456789",
        POST + b"Content-Length:\r\n\r\n",
        POST + b"X-A: a\nX-B: b\r\n\r\n",
        POST + b"X-A: a\rX-B: b\r\n\r\n",
        POST + b"X-A: a\x00b\r\n\r\n",
        POST + b"X A: a\r\n\r\n",
        POST + b": a\r\n\r\n",
        POST + b"no colon\r\n\r\n",
        b"GET /a b HTTP/1.1\r\n" + HOST_LINE + b"\r\n",
        b"GET / HTTP/1.1 \r\n" + HOST_LINE + b"\r\n",
        b"GET / HTTP/3.7\r\n" + HOST_LINE + b"\r\n",
        b"GET /\x00 HTTP/1.1\r\n" + HOST_LINE + b"\r\n",
        b"G@T / HTTP/1.1\r\n" + HOST_LINE + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01",  # the beginning of TLS
    ],
)
def test_request_of_two_meanings_is_refused(door: RunningDoor, server: WebServer, request_bytes: bytes) -> None:
    with door.raw(request_bytes + HIDDEN) as connection:
        answer = connection.recv(1 << 16)
    assert answer.split(b" ", 2)[1] == b"400"
    assert server.asked == []


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\nab\r\n0\r\n\r\n",
        b"2\nab\n0\n\n",
        b"-2\r\nab\r\n0\r\n\r\n",
        b"0x2\r\nab\r\n0\r\n\r\n",
        b"2\r\nabc\r\n0\r\n\r\n",
        b"ffffffffffffffffff\r\nab\r\n0\r\n\r\n",
        b"2 ;\x00\r\nab\r\n0\r\n\r\n",
    ],
)
def test_chunks_of_two_meanings_end_the_request(door: RunningDoor, server: WebServer, body: bytes) -> None:
    with door.raw(POST + b"Transfer-Encoding: chunked\r\n\r\n" + body + HIDDEN) as connection:
        answer = connection.recv(1 << 16)
    assert answer.split(b" ", 2)[1] == b"400"
    assert not [asked for asked in server.asked if "hidden" in asked.line]


def test_chunks_are_cut_anew_without_extensions_and_trailers(door: RunningDoor, server: WebServer) -> None:
    body = b"2;name=value\r\nab\r\n1\r\nc\r\n0\r\nX-Remote-User: admin\r\n\r\n"
    answer = door.exchange(POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert answer.endswith(b"ok")
    assert "admin" not in str(server.asked)


def test_body_of_a_get_does_not_become_a_request(door: RunningDoor, server: WebServer) -> None:
    head = b"GET /outer HTTP/1.1\r\n" + HOST_LINE + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN)
    assert door.exchange(head + HIDDEN).endswith(b"ok")
    assert [asked.line for asked in server.asked] == ["GET /outer HTTP/1.1"]


def test_answer_of_two_meanings_is_not_passed_on(door: RunningDoor, server: WebServer) -> None:
    server.replies(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 40\r\n\r\nok")
    assert door.get("/").status == 502


def test_second_answer_on_a_connection_is_nobodys(door: RunningDoor, server: WebServer) -> None:
    one = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    server.replies(one + b"first" + one + b"other")
    assert door.get("/").body == b"first"
    server.replies(one + b"right")
    assert door.get("/").body == b"right"


def test_upgrade_to_something_else_is_not_passed_on(door: RunningDoor, server: WebServer) -> None:
    """As `curl --http2` asks. What follows is a request, not a stream that nobody looks into."""
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
    with door.raw(POST + upgrade + b"Content-Length: 3\r\n\r\nabc") as connection:
        answer = b""
        while not answer.endswith(b"ok"):
            answer += connection.recv(1 << 16)
        connection.sendall(b"GET /last HTTP/1.1\r\n" + HOST_LINE + b"Connection: close\r\n\r\n")
        assert all_of(connection).startswith(b"HTTP/1.1 200 OK")
    assert server.asked[0].values("Content-Length") == ["3"]
    assert not [asked for asked in server.asked if asked.values("Upgrade") or asked.values("HTTP2-Settings")]


@pytest.mark.parametrize(
    "target",
    ["http://elsewhere.example.com/", "@elsewhere.example.com/", "elsewhere.example.com:80", "*", "http://localhost/"],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "CONNECT"])
def test_door_is_no_way_to_elsewhere(door: RunningDoor, server: WebServer, method: str, target: str) -> None:
    request = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = door.exchange(request.encode())
    assert answer.split(b" ", 2)[1] in (b"400", b"404", b"405", b"421"), answer
    assert server.asked == []
