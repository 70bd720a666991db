"""Only requests to our own names are answered, and none of another site's pages."""

from __future__ import annotations

import pytest

from mwaa_local.door.names import is_known, is_same
from tests.unit.door.doors import RunningDoor, WebServer

OURS = [
    "localhost",
    "LocalHost",
    "localhost.",
    "localhost:1",
    "orders.localhost:8080",
    "127.0.0.1",
    "127.0.0.1:8080",
    "127.8.9.10",
    "[::1]",
    "[::1]:8080",
    "[0:0:0:0:0:0:0:1]",
    "my-machine.example.com",
    "My-Machine.Example.com.:8080",
]
FOREIGN = [
    "",
    "evil.example.com",
    "evil.example.com:8080",
    "localhost.evil.example.com",
    "evillocalhost",
    "127.0.0.1.evil.example.com",
    "127.0.0.1.nip.io",
    "0.0.0.0",
    "0.0.0.0:8080",
    "[::]",
    "[::1].evil.example.com",
    "10.0.0.1",
    "169.254.169.254",
    "2130706433",
    "0x7f.1",
    "my-machine.example.com.evil.example.com",
    "other-machine.example.com",
    "localhost:8080:8080",
    "localhost:port",
    "localhost@evil.example.com",
    "evil.example.com#localhost",
    "localhost, evil.example.com",
    "localhost evil.example.com",
    "[::1",
    "::1",
]


@pytest.mark.parametrize("host", OURS)
def test_request_to_a_name_of_ours_is_answered(door: RunningDoor, server: WebServer, host: str) -> None:
    assert door.get("/", headers={"Host": host}).status == 200
    assert server.asked[0].values("Host") == [host]


@pytest.mark.parametrize("host", FOREIGN)
def test_request_to_another_name_goes_no_further(door: RunningDoor, server: WebServer, host: str) -> None:
    for path, method in (("/", "GET"), ("/aws_mwaa/cli", "POST"), ("/_mwaa-local/door", "GET")):
        answer = door.get(path, method, headers={"Host": host})
        assert (answer.status, answer.text[:11]) in ((421, "mwaa-local:"), (400, "mwaa-local:"))
    assert server.asked == []


def test_refusal_says_which_name_why_and_what_to_do(door: RunningDoor) -> None:
    text = door.get("/", headers={"Host": "evil.example.com"}).text
    assert "nothing answers to the name 'evil.example.com' here" in text
    assert "This address is for this machine alone" in text
    assert "Local:\n  WebserverNames: [my-machine.example.com]\n" in text


def test_name_of_another_page_is_not_written_into_its_answer_as_html(door: RunningDoor) -> None:
    answer = door.get("/", headers={"Host": "<script>alert(1)</script>"})
    assert answer.values("Content-Type") == ["text/plain; charset=utf-8"]


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "Host: localhost\r\nHost: evil.example.com\r\n",
        "Host: evil.example.com\r\nHost: localhost\r\n",
        "Host: localhost\r\nHost: localhost\r\n",
    ],
)
def test_request_has_one_host_line(door: RunningDoor, server: WebServer, lines: str) -> None:
    answer = door.exchange(f"GET / HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
    assert answer.split(b" ", 2)[1] in (b"400", b"421")
    assert server.asked == []


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}),
        ("GET", {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}),
        ("GET", {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"}),
        ("POST", {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8080"}),
        ("POST", {"Sec-Fetch-Site": "same-origin", "Origin": "null"}),
        ("POST", {"Origin": "http://localhost:8080"}),
        ("POST", {"Origin": "http://LOCALHOST:8080"}),
        ("POST", {}),
        ("DELETE", {}),
        ("POST", {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"}),  # one that is allowed
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "http://localhost:3000"}),
    ],
)
def test_request_of_our_own_page_or_of_no_page_is_answered(
    door: RunningDoor, server: WebServer, method: str, headers: dict[str, str]
) -> None:
    assert door.get("/", method, headers={"Host": "localhost:8080", **headers}).status == 200
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}),
        ("GET", {"Sec-Fetch-Site": "cross-site"}),
        ("POST", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}),
        ("POST", {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3001"}),
        ("POST", {"Sec-Fetch-Site": "cross-site", "Origin": "null"}),
        ("POST", {"Origin": "null"}),
        ("POST", {"Origin": "http://evil.example.com"}),
        ("POST", {"Origin": "http://localhost"}),
        ("POST", {"Origin": "http://localhost:80801"}),
        ("POST", {"Origin": "http://localhost:8080.evil.example.com"}),
        ("POST", {"Origin": "https://localhost:8080@evil.example.com"}),
        ("PUT", {"Origin": "file://"}),
        ("PATCH", {"Origin": "http://["}),
        ("DELETE", {"Origin": "http://127.0.0.1:8080"}),
        ("GET", {"Origin": "http://evil.example.com", "Connection": "Upgrade", "Upgrade": "websocket"}),
    ],
)
def test_request_of_another_sites_page_goes_no_further(
    door: RunningDoor, server: WebServer, method: str, headers: dict[str, str]
) -> None:
    for path in ("/", "/aws_mwaa/cli"):
        answer = door.get(path, method, headers={"Host": "localhost:8080", **headers})
        assert answer.status == 403
        assert answer.text.startswith("mwaa-local: a page of another site sent this request, so it is not answered.\n")
        assert "api.access_control_allow_origins" in answer.text
    assert server.asked == []


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://localhost", "localhost", True),
        ("http://localhost:80", "localhost", True),
        ("http://localhost", "localhost:80", True),
        ("https://localhost", "localhost:443", True),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("https://localhost", "localhost", True),
        ("https://localhost", "localhost:80", False),
        ("http://[::1]:8080", "[::1]:8081", False),
        ("http://localhost:99999999", "localhost", False),
        ("", "localhost", False),
        ("http://localhost", "", False),
    ],
)
def test_ports_that_are_not_written_are_the_schemes(origin: str, host: str, same: bool) -> None:
    assert is_same(origin, host) is same


def test_names_of_the_project_are_no_patterns() -> None:
    assert not is_known("a.my-machine.example.com", ["my-machine.example.com"])
    assert not is_known("my-machineXexample.com", ["my-machine.example.com"])
