"""A page that leads one browser of this user on, once, and nobody else."""

from __future__ import annotations

import http.client
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mwaa_local import one_time_page
from mwaa_local.errors import BrowserUnavailable
from mwaa_local.one_time_page import OneTimePage, owner_of

SECRET = "http://localhost:1/page#secret"
HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def ask(url: str, path: str | None = None) -> tuple[int, str | None]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    connection.request("GET", path or parts.path)
    answer = connection.getresponse()
    return answer.status, answer.getheader("Location")


def test_first_request_is_led_on_and_no_other() -> None:
    with OneTimePage(lambda: SECRET).served() as page:
        assert "secret" not in page.url
        assert ask(page.url, "/")[0] == 403
        assert not page.wait(0)
        assert ask(page.url) == (303, SECRET)
        assert page.wait(60)
        assert ask(page.url) == (403, None)


def test_connection_of_another_user_gets_nothing_and_takes_nothing(tmp_path: Path) -> None:
    table = tmp_path / "tcp"
    table.write_text(HEADER)  # nobody's, as far as this table knows
    with OneTimePage(lambda: SECRET, table).served() as page:
        assert ask(page.url) == (403, None)
        assert not page.wait(0)


def test_root_gets_nothing_of_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_time_page, "owner_of", lambda *_: 0)
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    with OneTimePage(lambda: SECRET).served() as page:
        assert ask(page.url) == (403, None)


def test_machine_that_tells_no_owners_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BrowserUnavailable) as caught:
        OneTimePage(lambda: SECRET, tmp_path / "none")
    assert caught.value.hint == "mwaa-local open --print"


def test_owner_of_a_connection_is_read_from_linux_itself() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert owner_of(client.getsockname()) == os.getuid()


@pytest.mark.parametrize(("owner", "found"), [("    0", 0), (" 1000", 1000)])
def test_owner_is_that_of_the_whole_address(tmp_path: Path, owner: str, found: int) -> None:
    rest = "00000000:00000000 00:00000000 00000000"
    table = tmp_path / "tcp"
    table.write_text(
        HEADER
        + f"   0: 0100007F:1F91 0100007F:1F90 01 {rest}    77        0 1\n"
        + f"   1: 0100007F:1F90 0100007F:1F91 01 {rest} {owner}        0 2\n"
    )
    assert owner_of(("127.0.0.1", 0x1F90), table) == found
    assert owner_of(("127.0.0.2", 0x1F90), table) is None
    assert owner_of(("127.0.0.1", 1), tmp_path / "none") is None
