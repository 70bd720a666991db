"""Websockets pass both ways, between a real client and a real server of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web

from tests.unit.door.doors import HOST, RunningDoor, free_port, running_door

TIMEOUT_S = 120.0
BIG = "a" * (5 << 20)
Handler = Callable[[web.WebSocketResponse, web.Request], Awaitable[None]]


@pytest.fixture(scope="module")
def ports_and_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, RunningDoor]]:
    port = free_port()
    with running_door(tmp_path_factory.mktemp("door"), port) as door:
        yield port, door
        assert door.log == ""


@asynccontextmanager
async def serving(port: int, handler: Handler, protocols: tuple[str, ...] = ()) -> AsyncIterator[list[web.Request]]:
    """Serve websockets on that port; give the requests that came."""
    requests: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        requests.append(request)
        if request.path == "/none":
            raise web.HTTPForbidden
        socket = web.WebSocketResponse(protocols=protocols, autoping=False, max_msg_size=0)
        await socket.prepare(request)
        await handler(socket, request)
        return socket

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    try:
        yield requests
    finally:
        await runner.cleanup()


def talk(
    found: tuple[int, RunningDoor],
    handler: Handler,
    client: Callable[[ClientWebSocketResponse], Awaitable[None]],
    *,
    path: str = "/ws",
    protocols: tuple[str, ...] = (),
) -> list[web.Request]:
    port, door = found

    async def run() -> list[web.Request]:
        async with serving(port, handler, protocols) as requests, ClientSession() as session:
            url = f"http://localhost:{door.port}{path}"
            headers = {"X-Forwarded-For": "10.0.0.1", "Cookie": "session=a"}
            async with session.ws_connect(
                url, headers=headers, protocols=("b", "a"), autoping=False, max_msg_size=0
            ) as socket:
                await client(socket)
            return requests

    return asyncio.run(asyncio.wait_for(run(), TIMEOUT_S))


async def echo(socket: web.WebSocketResponse, _request: web.Request) -> None:
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        elif message.type is WSMsgType.PING:
            await socket.pong(message.data)


def test_messages_pass_both_ways_as_they_are(ports_and_door: tuple[int, RunningDoor]) -> None:
    got = []

    async def client(socket: ClientWebSocketResponse) -> None:
        await socket.send_str("text é")
        await socket.send_bytes(b"\x00\xff")
        await socket.ping(b"ping")
        await socket.send_str(BIG)
        for _ in range(4):
            message = await socket.receive()
            got.append((message.type, bytes(message.data) if message.type is WSMsgType.PONG else message.data))

    talk(ports_and_door, echo, client)
    assert got == [
        (WSMsgType.TEXT, "text é"),
        (WSMsgType.BINARY, b"\x00\xff"),
        (WSMsgType.PONG, b"ping"),
        (WSMsgType.TEXT, BIG),
    ]


def test_server_speaks_first_and_closes_with_its_code(ports_and_door: tuple[int, RunningDoor]) -> None:
    async def server(socket: web.WebSocketResponse, _request: web.Request) -> None:
        await socket.send_str("first")
        await socket.close(code=4001, message=b"why")

    async def client(socket: ClientWebSocketResponse) -> None:
        assert await socket.receive_str() == "first"
        message = await socket.receive()
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 4001, "why")

    talk(ports_and_door, server, client)


def test_client_closes_with_its_code(ports_and_door: tuple[int, RunningDoor]) -> None:
    codes: list[int | None] = []

    async def server(socket: web.WebSocketResponse, _request: web.Request) -> None:
        await socket.receive()
        codes.append(socket.close_code)

    async def client(socket: ClientWebSocketResponse) -> None:
        await socket.close(code=4002)
        while not codes:
            await asyncio.sleep(0.01)

    talk(ports_and_door, server, client)
    assert codes == [4002]


def test_client_that_goes_away_ends_it(ports_and_door: tuple[int, RunningDoor]) -> None:
    ended = []

    async def server(socket: web.WebSocketResponse, _request: web.Request) -> None:
        try:
            ended.append((await socket.receive()).type)
        except asyncio.CancelledError:
            ended.append(WSMsgType.CLOSED)
            raise

    async def client(socket: ClientWebSocketResponse) -> None:
        transport = socket.get_extra_info("socket")
        assert transport is not None
        socket._response.connection.transport.abort()  # type: ignore[union-attr]
        while not ended:
            await asyncio.sleep(0.01)

    talk(ports_and_door, server, client)
    assert ended[0] in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)


def test_handshake_has_the_clients_headers_and_the_servers_protocol(ports_and_door: tuple[int, RunningDoor]) -> None:
    async def client(socket: ClientWebSocketResponse) -> None:
        assert socket.protocol == "a"

    requests = talk(ports_and_door, echo, client, path="/ws/a%2Fb?x=%20", protocols=("a",))
    headers = requests[0].headers
    assert requests[0].raw_path == "/ws/a%2Fb?x=%20"
    assert headers.getall("Cookie") == ["session=a"]
    assert headers.getall("Host") == [f"localhost:{ports_and_door[1].port}"]
    assert headers.getall("X-Forwarded-For") == [HOST]


def test_server_that_takes_none_is_told_of(ports_and_door: tuple[int, RunningDoor]) -> None:
    async def client(_socket: ClientWebSocketResponse) -> None: ...

    with pytest.raises(WSServerHandshakeError) as refused:
        talk(ports_and_door, echo, client, path="/none")
    assert refused.value.status == 403
