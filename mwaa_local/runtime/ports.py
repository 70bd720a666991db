"""Ports on 127.0.0.1: which components have one, find a free one, and name who holds one that is taken."""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
import socket
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import psutil

from mwaa_local.errors import PortInUse
from mwaa_local.place import HOST
from mwaa_local.web_address import DOOR  # whose port `up --port` chooses, too

if TYPE_CHECKING:
    from mwaa_local.environment.local import LocalSettings

# Below those that systems hand out by themselves: Linux from 32768 on (ip(7)), others from 49152 on (RFC 6335).
OWN_PORTS = (20_000, 32_767)
TRIES = 100
WEBSERVER = "webserver"  # behind it; where it has no host of its own, at a free port
# Component -> the setting in mwaa.yaml's `Local` section that chooses its port, but for services.
_SETTINGS = {"postgres": "PostgresPort", "redis": "BrokerPort"}
ALWAYS_THERE = (DOOR, *_SETTINGS)  # of the components that have a port
ON_FREE_PORT = "mwaa-local up --port 0"  # for hints


@functools.cache
def port_settings() -> Mapping[str, str]:
    """Return {component: the setting in mwaa.yaml's `Local` section that chooses its port}.

    The only list of components that have a port: what is asked for, what Docker publishes and what a message proposes
    are all read from it.
    """
    from mwaa_local.services.all import SERVICES  # most commands choose no port, and should not pay for all services

    return {**_SETTINGS, **{service.name: service.port_setting for service in SERVICES}}


def ports_asked(local: LocalSettings, *, without: Collection[str] = ()) -> dict[str, int]:
    """Return the port that the environment file asks for, for each component that there is; 0 asks for a free one."""
    settings = local.model_dump(by_alias=True)
    return {name: int(settings[setting]) for name, setting in port_settings().items() if name not in without}


def port_variables(ports: Mapping[str, int]) -> dict[str, str]:
    """Return the variables that tell the compose file which ports to publish; 0 for a component that is not there."""
    return {f"MWAA_{name.upper()}_PORT": str(ports.get(name, 0)) for name in port_settings()}


def check_ports(wanted: Mapping[str, int], ours: Mapping[str, int], asked: Mapping[str, int]) -> None:
    """Raise PortInUse when a stranger listens on a wanted port, or two components want the same.

    `ours` are those that already run for us, `asked` those of the environment file.
    """
    wanted_by: dict[int, str] = {}
    for name, port in wanted.items():
        if port in wanted_by:
            raise _wanted_twice(wanted_by[port], name, port)
        wanted_by[port] = name
        if port in ours.values():
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise port_in_use(name, port, _holder(port), asked) from error


def port_in_use(name: str, port: int, holder: str, asked: Mapping[str, int]) -> PortInUse:
    """Return the error that says who holds a component's port, and what moves the component to another."""
    if name != DOOR and asked.get(name) == 0:  # it was free when it was picked
        hint = "run `mwaa-local up` again: it picks another free port"
    else:
        option = f"`{ON_FREE_PORT}` or " if name == DOOR else ""
        setting = f"`Local: {{{port_settings()[name]}: 0}}` in mwaa.yaml picks a free one"
        hint = f"stop that process, or use another port: {option}{setting}"
    return PortInUse(f"port {port} is already in use", f"Component {name} needs it; {holder} holds it.", hint)


def _wanted_twice(one: str, other: str, port: int) -> PortInUse:
    return PortInUse(
        f"port {port} is chosen for two components",
        f"Both {one} and {other} would listen on it.",
        f"change one of `Local: {{{port_settings()[one]}: …, {port_settings()[other]}: …}}` in mwaa.yaml;"
        " 0 picks a free port",
    )


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

    The system may give the same port twice, as long as nobody listens on it. Seconds pass until a component does; so it
    is none that another program would be given by the system meanwhile, unless there is no other.
    """
    candidates = [random.randint(*OWN_PORTS) for _ in range(TRIES)]
    for candidate in itertools.chain(candidates, itertools.repeat(0)):
        with socket.socket() as probe, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            try:
                probe.bind((HOST, candidate))
                port = int(probe.getsockname()[1])
                datagrams.bind((HOST, port))  # metrics are sent by UDP
            except OSError:
                continue
        if port not in besides:
            return port
    raise AssertionError("0 goes on for ever")
