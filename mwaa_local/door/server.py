"""Listen, until the signal to stop comes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from . import logs
from .app import Door
from .configuration import DoorConfiguration
from .proxy import MAX_LINE_BYTES
from .tls import context_of

STOP_TIMEOUT_S = 3.0  # for requests in flight, when the environment stops


def serve(path: Path) -> None:
    """Serve the door of that configuration file."""
    logs.set_up()
    configuration = DoorConfiguration.read(path)
    host, port = configuration.listens
    web.run_app(
        Door(configuration).application(),
        host=host,
        port=port,
        ssl_context=context_of(configuration.certificate),
        print=None,
        access_log=None,
        shutdown_timeout=STOP_TIMEOUT_S,
        handler_cancellation=True,
        loop=asyncio.new_event_loop(),
        max_line_size=MAX_LINE_BYTES,
        max_field_size=MAX_LINE_BYTES,
        auto_decompress=False,  # a body goes on as it came
    )
