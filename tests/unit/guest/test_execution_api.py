"""A worker waits for the web server's answer, not only for its port; and not when it is told to end."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mwaa_local.packages import SUPPORT_DIR

sys.path.append(str(SUPPORT_DIR))

from mwaa_support import execution_api  # type: ignore[import-not-found]


class Server(HTTPServer):
    """Answers 503 some times, then 200."""

    refusals = 3
    asked: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(503 if len(self.server.asked) <= self.server.refusals else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(execution_api, "PAUSE_S", 0.01)
    with Server(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()


def test_it_waits_until_the_api_answers(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # no proxy knows the address
    monkeypatch.delenv("no_proxy", raising=False)
    asked: list[bool] = []
    url = f"http://127.0.0.1:{server.server_port}/execution/"
    assert execution_api.wait_until_it_answers(url, lambda: asked.append(True))
    assert server.asked == ["/execution/health"] * 4
    assert len(asked) == 4


def test_worker_that_is_to_end_waits_no_longer(server: Server) -> None:
    server.refusals = 1_000_000

    def end() -> None:
        if len(server.asked) >= 2:
            raise SystemExit(0)

    with pytest.raises(SystemExit):
        execution_api.wait_until_it_answers(f"http://127.0.0.1:{server.server_port}/execution/", end)


def test_it_goes_on_without_an_answer_in_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    assert not execution_api.wait_until_it_answers(f"http://127.0.0.1:{port}/execution/", lambda: None, wait_s=0.3)
    assert "taking tasks anyway" in capsys.readouterr().err
