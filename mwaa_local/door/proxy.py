"""Hand a request on to Airflow's web server as it came, and its answer back as it comes.

Paths stay as they were written, bodies pass in pieces in both directions without being kept, and what ends on one side
ends on the other. Only what belongs to one connection is changed (RFC 9110, section 7.6.1), and what says how the
client came here (`X-Forwarded-…`) is ours: a client's own would be believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Protocol

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    web,
)
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from . import websockets

# RFC 9110, section 7.6.1, and the names that it says stand for it in practice.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# What Airflow, Flask, gunicorn or uvicorn may believe about who asks: never a client's word.
# The last two are gunicorn's (its setting `forwarder_headers`), which trusts whoever comes from 127.0.0.1.
BELIEVED = (
    "x-forwarded-",
    "forwarded",
    "x-real-ip",
    "x-remote-",
    "remote-user",
    "x-script-name",
    "script-name",
    "path-info",
)
# aiohttp answers `Expect: 100-continue` itself, since not every server does; what it writes of its own goes no further.
ANSWERED_HERE = frozenset({"expect"})
PIECE_BYTES = 64 * 1024
# Of a request line or header: browsers send all cookies of `localhost`, whatever port they came from.
MAX_LINE_BYTES = 64 * 1024
CONNECT_TIMEOUT_S = 10.0
# Less than gunicorn's 2 s and uvicorn's 5 s: a request must not be sent on a connection that is just being closed.
KEEP_ALIVE_S = 1.5
NOT_READY_TEXT = "mwaa-local: Airflow's web server does not answer yet; `mwaa-local status` says how it is.\n"
CUT_OFF_TEXT = "mwaa-local: Airflow's web server ended in the middle of this request.\n"


class Guise(Protocol):
    """What becomes of the headers of one request and of its answer on their way through the door."""

    def going(self, headers: CIMultiDict[str]) -> None: ...
    def coming(self, headers: CIMultiDict[str]) -> None: ...


class Upstream:
    """The web server behind the door."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._base = f"http://{address[0]}:{address[1]}"
        self._session: ClientSession | None = None

    async def open(self) -> None:
        self._session = ClientSession(
            connector=TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
            cookie_jar=DummyCookieJar(),  # cookies are the client's
            auto_decompress=False,
            timeout=ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> ClientSession:
        assert self._session is not None
        return self._session

    def url(self, raw_path: str) -> URL:
        return URL(self._base + raw_path, encoded=True)

    async def pass_on(self, request: web.Request, guise: Guise | None = None) -> web.StreamResponse:
        """Answer a request with what the web server answers; the guise changes headers on both ways."""
        headers = from_client(request.headers)
        headers.update(forwarded(request))
        if guise is not None:
            guise.going(headers)
        body = request.content.iter_chunked(PIECE_BYTES) if request.body_exists else None
        answered: AsItCame | None = None
        try:
            if websockets.is_wanted(request):
                return await websockets.pass_on(self.session, self.url(request.raw_path), request, headers)
            async with self.session.request(
                request.method,
                self.url(request.raw_path),
                headers=headers,
                data=body,
                allow_redirects=False,
                skip_auto_headers=("Content-Type",),
            ) as answer:
                answered = AsItCame(answer)
                if guise is not None:
                    guise.coming(answered.headers)
                await answered.prepare(request)
                async for piece in answer.content.iter_any():
                    await answered.write(piece)
                await answered.write_eof()
                return answered
        except (asyncio.TimeoutError, ClientConnectorError):  # on Python 3.10 no TimeoutError
            return web.Response(status=503, text=NOT_READY_TEXT, headers={"Retry-After": "1"})
        except ClientError:
            if answered is None or not answered.prepared:
                return web.Response(status=502, text=CUT_OFF_TEXT)
            # The client must not take a part for the whole: its connection ends without the end of the answer.
            if request.transport is not None:
                request.transport.close()
            return answered


class AsItCame(web.StreamResponse):
    """What the web server answers, with its own headers and no others."""

    def __init__(self, answer: ClientResponse) -> None:
        super().__init__(status=answer.status, reason=answer.reason)
        self.headers.extend(kept(answer.headers, ()))
        self._names = {name.lower() for name in self.headers}

    def drop_added(self) -> None:
        """Remove what aiohttp adds, once it has: clients would take it for the web server's."""
        for name in ("Content-Type", "Date", "Server"):
            if name.lower() not in self._names:
                self.headers.popall(name, None)


async def drop_added(_request: web.Request, response: web.StreamResponse) -> None:
    """Be called before the head of an answer is written (`on_response_prepare`)."""
    if isinstance(response, AsItCame):
        response.drop_added()


def from_client(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Return a client's headers without what only we may say."""
    return kept(headers, BELIEVED, ANSWERED_HERE)


def kept(headers: CIMultiDictProxy[str], beginnings: tuple[str, ...], names: Collection[str] = ()) -> CIMultiDict[str]:
    """Return the headers without what belongs to one connection, and those of other names."""
    left_out = {*HOP_BY_HOP, *names}
    for value in headers.getall("Connection", ()):
        left_out |= {name.strip().lower() for name in value.split(",")}
    found = CIMultiDict[str]()
    spelling: dict[str, str] = {}
    for name, value in headers.items():
        # A WSGI server makes one variable of `X-Real-IP` and `X_Real_IP`.
        plain = name.lower().replace("_", "-")
        if plain not in left_out and not plain.startswith(beginnings):
            # Of lines whose names are spelled in two ways, aiohttp would send the last alone.
            found.add(spelling.setdefault(name.lower(), name), value if value.isascii() else as_text(value))
    return found


def as_text(value: str) -> str:
    """Return a header's value with letters for its bytes that are no UTF-8: aiohttp would leave them out."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value


def forwarded(request: web.Request) -> dict[str, str]:
    """Return how the client came here, in the headers that Airflow reads (`enable_proxy_fix`)."""
    return {
        "X-Forwarded-For": request.remote or "",
        "X-Forwarded-Proto": request.scheme,
        "X-Forwarded-Host": request.host,
    }
