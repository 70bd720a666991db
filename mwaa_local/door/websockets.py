"""Hand a websocket on to the web server: messages, pings and the end of either side go to the other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import (
    ClientError,
    ClientSession,
    ClientWebSocketResponse,
    WSCloseCode,
    WSMsgType,
    WSServerHandshakeError,
    web,
)
from yarl import URL

REFUSED_TEXT = "mwaa-local: Airflow's web server takes no websocket here.\n"
# aiohttp's client and server each say these for their own connection.
OF_ONE_CONNECTION = "sec-websocket-"
PASSED = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG)
Either = ClientWebSocketResponse | web.WebSocketResponse


def is_wanted(request: web.Request) -> bool:
    """Say whether a request asks for a websocket (RFC 6455, section 4.1)."""
    return request.method == "GET" and request.headers.get("Upgrade", "").lower() == "websocket"


async def pass_on(
    session: ClientSession, url: URL, request: web.Request, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Let a client and the web server talk until one of them ends it. Raises ClientError where there is no server."""
    named = request.headers.get("Sec-WebSocket-Protocol", "")
    try:
        theirs = await session.ws_connect(
            url,
            headers=[item for item in headers.items() if not item[0].lower().startswith(OF_ONE_CONNECTION)],
            protocols=[name.strip() for name in named.split(",") if name.strip()],
            autoping=False,
            autoclose=False,
            max_msg_size=0,
        )
    except WSServerHandshakeError as error:
        return web.Response(status=error.status if error.status >= 300 else 501, text=REFUSED_TEXT)
    async with theirs:
        protocols = [theirs.protocol] if theirs.protocol else []
        ours = web.WebSocketResponse(
            protocols=protocols, autoping=False, autoclose=False, max_msg_size=0, compress=False
        )
        await ours.prepare(request)
        await _talk(ours, theirs)
        return ours


async def _talk(ours: web.WebSocketResponse, theirs: ClientWebSocketResponse) -> None:
    ways = [asyncio.ensure_future(_copy(ours, theirs)), asyncio.ensure_future(_copy(theirs, ours))]
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        code, reason = done.pop().result()
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    for side in (ours, theirs):
        await side.close(code=code, message=reason)


async def _copy(source: Either, target: Either) -> tuple[int, bytes]:
    """Hand messages on until there are no more; return with which code and words the other side is to be closed."""
    try:
        while (message := await source.receive()).type in PASSED:
            if message.type is WSMsgType.TEXT:
                await target.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await target.send_bytes(message.data)
            elif message.type is WSMsgType.PING:
                await target.ping(message.data)
            else:
                await target.pong(message.data)
    except (ClientError, ConnectionError):
        return WSCloseCode.GOING_AWAY, b""
    if message.type is WSMsgType.CLOSE:
        return message.data or WSCloseCode.OK, (message.extra or "").encode()
    return WSCloseCode.GOING_AWAY, b""  # it ended without a word
