"""Keep out of the door's log what clients sent: a malformed request is answered, and may hold a token."""

from __future__ import annotations

import logging

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

OF_CLIENTS = (HttpProcessingError, web.RequestPayloadError)


def is_ours(record: logging.LogRecord) -> bool:
    """Say whether a record is of the door itself: aiohttp shows a malformed request with its bytes and a traceback."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, OF_CLIENTS)


def set_up() -> None:
    logging.getLogger("aiohttp.server").addFilter(is_ours)
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)  # it warns of what a client asks for
