"""Read what a client sends, where it is looked at as a whole."""

from __future__ import annotations

from aiohttp import web


async def read_body(request: web.Request, longest_bytes: int) -> bytes:
    """Return a request's body, which may come in pieces. Raises ValueError for one that is too long."""
    body = b""
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > longest_bytes:
            raise ValueError("it is too long")
    return body
