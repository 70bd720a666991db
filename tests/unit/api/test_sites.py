"""Pages of other sites get no answer from the API, on its port and on the socket, which a local AWS asks."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from mwaa_local.api.http.call import Call
from mwaa_local.api.http.routes import Routes
from mwaa_local.api.http.server import Endpoint, listen
from tests.unit.api.serving import SIGNED

BODY = {"Method": "GET", "Path": "/dags"}


class Asked:
    """An endpoint on a port and on a socket, and what it was asked to do."""

    def __init__(self, folder: Path) -> None:
        self.calls: list[str] = []
        self.socket_path = folder / "api.sock"

    @contextlib.contextmanager
    def listening(self) -> Iterator[Asked]:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            with socket.socket() as port, socket.socket(socket.AF_UNIX) as local:
                port.bind(("127.0.0.1", 0))
                local.bind(str(self.socket_path))
                self.port = port.getsockname()[1]
                endpoint = Endpoint(Routes.load(), self._perform, self._page)
                runner = asyncio.run_coroutine_threadsafe(listen(endpoint, [port, local]), loop).result(30)
                yield self
                asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _perform(self, call: Call) -> dict[str, Any]:
        self.calls.append(call.operation)
        return {}

    async def _page(self, request: web.Request) -> web.Response:
        self.calls.append(request.path)
        return web.Response()

    def statuses(self, headers: dict[str, str], *, by_socket: bool) -> set[int]:
        transport = httpx.HTTPTransport(uds=str(self.socket_path)) if by_socket else None
        with httpx.Client(transport=transport, base_url=f"http://localhost:{self.port}") as client:
            call = client.post("/restapi/mine", headers={**headers, "Authorization": SIGNED}, json=BODY)
            page = client.post("/_mwaa-local/environments/mine/open", headers=headers)
        return {call.status_code, page.status_code}


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    with Asked(tmp_path).listening() as listening:
        yield listening


@pytest.mark.parametrize("by_socket", [True, False])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
        {"Origin": "https://data.s3.amazonaws.com"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_page_of_another_site_or_port_gets_no_answer(asked: Asked, headers: dict[str, str], by_socket: bool) -> None:
    assert asked.statuses(headers, by_socket=by_socket) == {403}
    assert asked.calls == []


@pytest.mark.parametrize("host", ["localhost:4566", "aws:4566", "airflow.us-east-1.amazonaws.com"])
def test_name_of_a_local_aws_is_its_own_affair(asked: Asked, host: str) -> None:
    assert asked.statuses({"Host": host}, by_socket=True) == {200}
    assert asked.statuses({"Host": host, "Origin": f"http://{host}"}, by_socket=True) == {200}
    assert asked.statuses({"Host": "aws:4566"}, by_socket=False) == {421}


def test_refusal_says_what_can_be_done_about_this_api(asked: Asked) -> None:
    """Which options let a site or name in at the front door is another matter."""
    answers = [
        httpx.get(f"http://localhost:{asked.port}/environments", headers=headers)
        for headers in ({"Origin": "http://localhost:3000", "Sec-Fetch-Site": "cross-site"}, {"Host": "my-machine"})
    ]
    assert [answer.status_code for answer in answers] == [403, 421]
    assert not [answer for answer in answers if "access_control" in answer.text]
    assert "No site can be let in here" in answers[0].text
    assert "WebserverNames" in answers[1].text
