"""Listen, until the signal to stop comes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from .app import Door
from .configuration import DoorConfiguration

# A header of 64 kB is more than browsers send; Airflow's own servers take less.
MAX_LINE_BYTES = 64 * 1024
STOP_TIMEOUT_S = 3.0  # for requests in flight, when the environment stops


def serve(path: Path) -> None:
    """Serve the door of that configuration file."""
    configuration = DoorConfiguration.read(path)
    host, port = configuration.listens
    web.run_app(
        Door(configuration).application(),
        host=host,
        port=port,
        print=None,
        access_log=None,
        shutdown_timeout=STOP_TIMEOUT_S,
        handler_cancellation=True,
        loop=asyncio.new_event_loop(),
    )
