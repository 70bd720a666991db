"""Ports on 127.0.0.1: find a free one, and name who holds one that is taken."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Collection, Mapping

import psutil

from mwaa_local.errors import PortInUse

HOST = "127.0.0.1"
# Component -> the setting in mwaa.yaml's `Local` section that chooses its port.
PORT_SETTINGS = {"webserver": "WebserverPort", "postgres": "PostgresPort", "redis": "BrokerPort"}


def check_ports(wanted: Mapping[str, int], ours: Mapping[str, int]) -> None:
    """Raise PortInUse when a stranger listens on a wanted port; `ours` are those that already run for us."""
    for name, port in wanted.items():
        if port in ours.values():
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise PortInUse(
                    f"port {port} is already in use",
                    f"The {name} needs it; {_holder(port)} holds it.",
                    "stop that process, or use another port: `mwaa-local up --port 0` or "
                    f"`Local: {{{PORT_SETTINGS[name]}: 0}}` in mwaa.yaml picks a free one",
                ) from error


def _holder(port: int) -> str:
    """Return who listens on the port, as far as this user may know."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.pid:
                command = " ".join(psutil.Process(connection.pid).cmdline())[:80]
                return f"process {connection.pid} (`{command}`)"
    return "another program"


def free_port(besides: Collection[int] = ()) -> int:
    """Return a port on 127.0.0.1 that nobody listens on now, and that is none of those meant for others.

    The system may give the same port twice, as long as nobody listens on it.
    """
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if port not in besides:
            return port
