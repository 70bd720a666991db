"""What passes the door as it came: request lines, headers, answers of all kinds."""

from __future__ import annotations

import gzip
import subprocess

import pytest

from mwaa_local.door.proxy import BELIEVED
from tests.unit.door.doors import HOST, OK, Asked, RunningDoor, WebServer

BELIEVED_NAMES = (
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Proto",
    "X-Forwarded-User",
    "X_Forwarded_For",
    "Forwarded",
    "X-Real-IP",
    "Remote-User",
    "REMOTE_USER",
    "X-Remote-User",
    "X-Script-Name",
    "SCRIPT_NAME",
    "Script-Name",
    "PATH_INFO",
    "Path-Info",
)


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "302 Found", "404 Not Found", "422 Odd Words", "500 Oh"])
def test_status_and_its_words_pass(door: RunningDoor, server: WebServer, status: str) -> None:
    server.replies(f"HTTP/1.1 {status}\r\nContent-Length: 4\r\n\r\nbody".encode())
    answer = door.get("/")
    assert (f"{answer.status} {answer.reason}", answer.body) == (status, b"body")


def test_answer_has_the_headers_of_the_web_server_in_their_order_and_no_others(
    door: RunningDoor, server: WebServer
) -> None:
    headers = [
        ("Server", "gunicorn"),
        ("Date", "Mon, 30 Nov 2026 06:00:00 GMT"),
        ("Content-Length", "0"),
        ("X-Two", "first"),
        ("Set-Cookie", "session=a; Path=/; HttpOnly"),
        ("x-two", "second"),
        ("Set-Cookie", "_token=b; Path=/"),
        ("X-Frame-Options", "DENY"),
        ("X-Forwarded-Port", "as it likes"),
    ]
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    server.replies(f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode())
    # A name's spelling says nothing: those of one name get that of the first.
    assert door.get("/").headers == [(name.replace("x-two", "X-Two"), value) for name, value in headers]


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "304 Not Modified"])
def test_answer_without_headers_gets_none(door: RunningDoor, server: WebServer, status: str) -> None:
    length = "Content-Length: 1\r\n\r\na" if status == "200 OK" else "\r\n"
    server.replies(f"HTTP/1.1 {status}\r\n{length}".encode())
    answer = door.get("/")
    assert [name for name, _ in answer.headers] == (["Content-Length"] if status == "200 OK" else [])


def test_request_has_the_headers_of_the_client_in_their_order(door: RunningDoor, server: WebServer) -> None:
    sent = [
        ("Host", f"localhost:{door.port}"),
        ("X-One", "1"),
        ("Cookie", "session=a; _token=b"),
        ("x-one", "2"),
        ("Authorization", "Bearer of-airflow"),
        ("Accept", "a/b"),
        ("Cookie", "odd but allowed"),
    ]
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent)
    door.exchange(f"GET / HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
    added = [
        ("X-Forwarded-For", HOST),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", f"localhost:{door.port}"),
    ]
    assert [(name.lower(), value) for name, value in server.asked[0].headers] == [
        (name.lower(), value) for name, value in [*sent, *added]
    ]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_request_without_content_type_gets_none(door: RunningDoor, server: WebServer, method: str) -> None:
    door.get("/", method, body=b"plain")
    assert server.asked[0].values("Content-Type") == []
    assert server.asked[0].values("Content-Length") == ["5"]


@pytest.mark.parametrize(
    "name",
    [
        "Connection",
        "Keep-Alive",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "X-Named-By-Connection",
    ],
)
def test_what_belongs_to_one_connection_goes_no_further(door: RunningDoor, server: WebServer, name: str) -> None:
    server.replies(OK.replace(b"\r\n\r\n", f"\r\n{name}: of the server\r\n\r\n".encode()))
    answer = door.get("/", headers={"Connection": "X-Named-By-Connection, close", name: "of the client"})
    assert server.asked[0].values(name) == []
    assert answer.values(name) in ([], ["close"]) or name == "X-Named-By-Connection"


@pytest.mark.parametrize("name", BELIEVED_NAMES)
def test_header_that_would_be_believed_is_never_the_clients(door: RunningDoor, server: WebServer, name: str) -> None:
    door.get("/", headers={name: "a client's own"})
    assert "a client's own" not in str(server.asked[0].headers)


def test_every_header_that_is_left_out_is_among_those_tried() -> None:
    plain = [name.lower().replace("_", "-") for name in BELIEVED_NAMES]
    assert [each for each in BELIEVED if not any(name.startswith(each) for name in plain)] == []


@pytest.mark.parametrize(
    "target",
    [
        "/dags/a%2Fb/runs/manual__2026-11-30T06%3A00%3A00%2B00%3A00?x=%20&y=a+b&y=%zz&empty=",
        "//double//slashes",
        "/a/../b/./c",
        "/a;b=c/@d:e!$&'()*,=~",
        "/caf%C3%A9?q=caf%c3%a9",
        "/a?b?c=/d",
        "/back\\slash",
        '/[v6]|pipe?<>"{}^`',
    ],
)
def test_request_target_passes_as_it_was_written(door: RunningDoor, server: WebServer, target: str) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert door.exchange(request.encode()).endswith(b"ok")
    assert server.asked[0].line == f"GET {target} HTTP/1.1"


def test_long_line_and_many_cookies_pass(door: RunningDoor, server: WebServer) -> None:
    server.replies(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: " + b"c" * 20_000 + b"\r\n\r\n"))
    target = "/?dag_ids=" + "d" * 20_000
    answer = door.get(target, headers={"Cookie": "c" * 40_000})
    assert (answer.status, server.asked[0].line) == (200, f"GET {target} HTTP/1.1")
    assert len(answer.values("Set-Cookie")[0]) == 20_000


def test_line_without_end_is_refused(door: RunningDoor, server: WebServer) -> None:
    request = b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert door.exchange(request).startswith(b"HTTP/1.0 400 ")
    assert server.asked == []


def test_header_that_is_no_utf_8_keeps_its_letters(door: RunningDoor, server: WebServer) -> None:
    server.replies(OK.replace(b"\r\n\r\n", b"\r\nContent-Disposition: a=\xe9\r\nX-Right: \xc3\xa9\r\n\r\n"))
    answer = door.exchange(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Odd: \xe9\r\nConnection: close\r\n\r\n")
    assert "Content-Disposition: a=é\r\nX-Right: é\r\n" in answer.decode()
    assert server.asked[0].values("X-Odd") == ["é".encode().decode("latin-1")]


@pytest.mark.parametrize("location", ["http://localhost:1/a?b=c#d", "/relative", "https://elsewhere.example.com/"])
def test_redirect_is_the_clients_to_follow(door: RunningDoor, server: WebServer, location: str) -> None:
    server.replies(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
    answer = door.get("/")
    assert (answer.status, answer.values("Location")) == (302, [location])
    assert len(server.asked) == 1


def test_web_server_sees_the_address_that_the_client_wrote(door: RunningDoor, server: WebServer) -> None:
    def redirect(asked: Asked) -> None:
        there = f"{asked.values('X-Forwarded-Proto')[0]}://{asked.values('Host')[0]}/home"
        asked.send(f"HTTP/1.1 302 Found\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n".encode())

    server.answer = redirect
    argv = ["curl", "-sS", "-o", "/dev/null", "-w", "%{redirect_url}", f"http://localhost:{door.port}/"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == f"http://localhost:{door.port}/home"


def test_compressed_bodies_pass_untouched_both_ways(door: RunningDoor, server: WebServer) -> None:
    packed = gzip.compress(b"a" * 1000)
    received = []

    def answer(asked: Asked) -> None:
        received.append(asked.body())
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
        asked.send(head.encode() + packed)

    server.answer = answer
    got = door.get("/", "POST", body=packed, headers={"Content-Encoding": "gzip", "Accept-Encoding": "gzip"})
    assert (received, got.body, got.values("Content-Encoding")) == ([packed], packed, ["gzip"])
    assert server.asked[0].values("Accept-Encoding") == ["gzip"]


def test_head_has_the_headers_of_the_answer_and_no_body(door: RunningDoor, server: WebServer) -> None:
    server.replies(b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nETag: a\r\n\r\n")
    client = door.client()
    for _ in range(2):  # the connection goes on
        client.request("HEAD", "/")
        answer = client.getresponse()
        assert (answer.status, answer.getheader("Content-Length"), answer.read()) == (200, "12345", b"")
    client.close()


@pytest.mark.parametrize("head", ["204 No Content\r\n", "304 Not Modified\r\nETag: a\r\n"])
def test_answer_that_has_no_body_ends_with_its_head(door: RunningDoor, server: WebServer, head: str) -> None:
    server.replies(f"HTTP/1.1 {head}\r\n".encode())
    client = door.client()
    for _ in range(2):
        client.request("GET", "/")
        answer = client.getresponse()
        assert (answer.status, answer.read()) == (int(head[:3]), b"")
        assert answer.getheader("Transfer-Encoding") is None
    client.close()


def test_early_hints_are_not_taken_for_the_answer(door: RunningDoor, server: WebServer) -> None:
    server.replies(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + OK)
    assert door.get("/").body == b"ok"


def test_expect_continue_is_answered_before_the_body_is_sent(door: RunningDoor, server: WebServer) -> None:
    received = []

    def answer(asked: Asked) -> None:  # as a server that does not know of it
        received.append(asked.body())
        asked.send(OK)

    server.answer = answer
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nConnection: close\r\n"
    with door.raw(head + b"Expect: 100-continue\r\n\r\n") as connection:
        assert connection.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"body")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 OK\r\n")
    assert received == [b"body"]


def test_client_of_http_1_0_gets_an_answer_that_ends_with_the_connection(door: RunningDoor, server: WebServer) -> None:
    server.replies(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    answer = door.exchange(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert (body, b"chunked" in head.lower()) == (b"abc", False)


def test_connection_to_the_web_server_serves_many_requests(door: RunningDoor, server: WebServer) -> None:
    client = door.client()
    for _ in range(5):
        client.request("POST", "/", body=b"a")
        assert client.getresponse().read() == b"ok"
    client.close()
    assert server.connections <= 1


def test_requests_sent_without_waiting_are_answered_in_their_order(door: RunningDoor, server: WebServer) -> None:
    def answer(asked: Asked) -> None:
        path = asked.line.split()[1].encode()
        asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))

    server.answer = answer
    paths = [b"/first", b"/second", b"/last"]
    requests = [b"GET %b HTTP/1.1\r\nHost: localhost\r\n" % path for path in paths]
    answers = door.exchange(b"\r\n".join(requests) + b"Connection: close\r\n\r\n")
    places = [answers.index(path) for path in paths]
    assert places == sorted(places)
