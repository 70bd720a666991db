"""Hand a request on to Airflow's web server as it came, and its answer back as it comes.

Paths stay as they were written, bodies pass in pieces in both directions without being kept, and what ends on one side
ends on the other. Only what belongs to one connection is changed (RFC 9110, section 7.6.1), and what says how the
client came here (`X-Forwarded-…`) is ours: a client's own would be believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

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
BELIEVED = ("x-forwarded-", "forwarded", "x-real-ip", "x-remote-", "remote-user", "x-script-name")
PIECE_BYTES = 64 * 1024
CONNECT_TIMEOUT_S = 10.0
NOT_READY_TEXT = "mwaa-local: Airflow's web server does not answer yet; `mwaa-local status` says how it is.\n"
CUT_OFF_TEXT = "mwaa-local: Airflow's web server ended in the middle of this request.\n"


class Upstream:
    """The web server behind the door."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._base = f"http://{address[0]}:{address[1]}"
        self._session: ClientSession | None = None

    async def open(self) -> None:
        self._session = ClientSession(
            connector=TCPConnector(limit=0),
            cookie_jar=DummyCookieJar(),  # cookies are the client's
            auto_decompress=False,
            timeout=ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
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

    async def pass_on(self, request: web.Request, added: Mapping[str, str] | None = None) -> web.StreamResponse:
        """Answer a request with what the web server answers; `added` are further headers for it."""
        headers = CIMultiDict(passed_on(request.headers))
        headers.update(forwarded(request))
        headers.update(added or {})
        body = request.content.iter_chunked(PIECE_BYTES) if request.body_exists else None
        if body is not None and "Content-Length" in request.headers:
            headers["Content-Length"] = request.headers["Content-Length"]
        answered: web.StreamResponse | None = None
        try:
            async with self.session.request(
                request.method,
                self.url(request.raw_path),
                headers=headers,
                data=body,
                allow_redirects=False,
            ) as answer:
                answered = web.StreamResponse(status=answer.status, reason=answer.reason)
                answered.headers.extend(passed_on(answer.headers))
                if "Content-Length" not in answer.headers and request.version >= (1, 1):
                    answered.enable_chunked_encoding()
                await answered.prepare(request)
                async for piece in answer.content.iter_any():
                    await answered.write(piece)
                await answered.write_eof()
                return answered
        except (TimeoutError, ClientConnectorError):
            return web.Response(status=503, text=NOT_READY_TEXT, headers={"Retry-After": "1"})
        except ClientError:
            if answered is None or not answered.prepared:
                return web.Response(status=502, text=CUT_OFF_TEXT)
            # The client must not take a part for the whole: its connection ends without the end of the answer.
            with suppress(AttributeError):
                request.transport.close()  # type: ignore[union-attr]
            raise


def passed_on(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Return the headers without what belongs to one connection and what only we may say."""
    named = {name.strip().lower() for value in headers.getall("Connection", []) for name in value.split(",")}
    left_out = HOP_BY_HOP | named
    kept = CIMultiDict[str]()
    for name, value in headers.items():
        # A WSGI server makes one variable of `X-Real-IP` and `X_Real_IP`.
        plain = name.lower().replace("_", "-")
        if plain not in left_out and not plain.startswith(BELIEVED):
            kept.add(name, value)
    return kept


def forwarded(request: web.Request) -> dict[str, str]:
    """Return how the client came here, in the headers that Airflow reads (`enable_proxy_fix`)."""
    return {
        "X-Forwarded-For": request.remote or "",
        "X-Forwarded-Proto": request.scheme,
        "X-Forwarded-Host": request.host,
    }
