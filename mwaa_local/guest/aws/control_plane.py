"""What answers for MWAA itself: a process of the launcher on a Unix socket, to which requests go on as they came."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from .answers import StartResponse, refuse

# InvokeRestApi takes up to 10 s (MWAA user guide); this is for a process that hangs, before clients give up (60 s).
TIMEOUT_S = 50.0
OWN_HEADERS = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"})
NOBODY = "the MWAA API of this project does not answer; `mwaa-local up` or `mwaa-local api --detach` starts it"
START_TIMEOUT_S = 75.0  # the command itself gives up after 60
UNAVAILABLE = "ServiceUnavailableException"


class Starter:
    """Starts that process where it has ended: it was killed, say, or stopped. In a container nothing can."""

    def __init__(self, argv: Sequence[str] = (), env: Mapping[str, str] | None = None) -> None:
        self._argv, self._env = list(argv), dict(env or {})
        self._one_at_a_time = threading.Lock()

    def start(self) -> bool:
        """Return whether it answers now; of several who ask, the later ones find it running."""
        if not self._argv:
            return False
        with self._one_at_a_time:
            try:
                done = subprocess.run(
                    self._argv,
                    env=self._env,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=sys.stderr,
                    timeout=START_TIMEOUT_S,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired):
                return False
        return done.returncode == 0


class ControlPlane:
    """The way to that process; each request has a connection of its own."""

    def __init__(self, socket_path: str, starter: Starter | None = None) -> None:
        self._socket_path, self._starter = socket_path, starter

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        connection = UnixConnection(self._socket_path, self._starter)
        try:
            connection.request(environ["REQUEST_METHOD"], _path(environ), body, _headers(environ, len(body)))
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            return refuse(start_response, HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE, NOBODY)
        finally:
            connection.close()
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in OWN_HEADERS]
        start_response(f"{answer.status} {answer.reason}", [*headers, ("Content-Length", str(len(content)))])
        return [content]


class UnixConnection(http.client.HTTPConnection):
    """HTTP on a Unix socket, whose other end is started if nobody is there."""

    def __init__(self, path: str, starter: Starter | None = None) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path, self._starter = path, starter

    def connect(self) -> None:
        try:
            self._connect()
        except (FileNotFoundError, ConnectionRefusedError):
            if self._starter is None or not self._starter.start():
                raise
            self._connect()

    def _connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _path(environ: Mapping[str, Any]) -> str:
    """Return path and query as they were written, also where this endpoint was asked as the client's proxy."""
    raw: str = environ["RAW_URI"]
    return raw if raw.startswith("/") else urlunsplit(("", "", *urlsplit(raw)[2:4], ""))


def _headers(environ: Mapping[str, Any], length: int) -> dict[str, str]:
    """Return the client's headers, as far as they are about the request and not about its connection."""
    headers = {
        name[len("HTTP_") :].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") and isinstance(value, str)
    }
    headers = {name: value for name, value in headers.items() if name not in OWN_HEADERS and name != "expect"}
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    return {**headers, "content-length": str(length)}
