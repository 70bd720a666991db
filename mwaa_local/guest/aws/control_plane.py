"""What answers for MWAA itself: a process of the launcher on a Unix socket, to which requests go on as they came."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from .answers import StartResponse, refuse

# InvokeRestApi takes up to 10 s (MWAA user guide); this is for a process that hangs, before clients give up (60 s).
TIMEOUT_S = 50.0
OWN_HEADERS = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"})
NOBODY = "the MWAA API of this project does not answer; `mwaa-local up` or `mwaa-local api --detach` starts it"
UNAVAILABLE = "ServiceUnavailableException"


class ControlPlane:
    """The way to that process; each request has a connection of its own."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        connection = UnixConnection(self._socket_path)
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
    """HTTP on a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
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
