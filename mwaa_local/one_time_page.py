"""A page of this machine that leads one browser of this user to an address with a secret in it, once.

A browser is started by a command whose words every user of the machine can read, so they must not hold the secret. They
hold the address of this page instead, and the page answers only a connection of the same user: on Linux,
`/proc/net/tcp` says whose each one is. A file that leads on would do as well, but browsers from Snap or Flatpak cannot
read it.
"""

from __future__ import annotations

import hmac
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mwaa_local.errors import BrowserUnavailable
from mwaa_local.place import HOST

NAME_BYTES = 16
TABLE = Path("/proc/net/tcp")
POLL_S = 0.1
REFUSED = 403
SEE_OTHER = 303


class OneTimePage:
    """Answers the first request for `url` with a redirect to what `make_target` returns then."""

    def __init__(self, make_target: Callable[[], str], table: Path = TABLE) -> None:
        """Raises BrowserUnavailable where nothing says whose a connection is."""
        if not os.access(table, os.R_OK):
            why = f"Only {table} says whose a connection is, and this machine has none that can be read."
            hint = "mwaa-local open --print"
            raise BrowserUnavailable("cannot lead a browser to a secret address here", why, hint)
        self._make_target, self._table = make_target, table
        self._path = f"/{secrets.token_urlsafe(NAME_BYTES)}"
        self._taking, self._is_taken = threading.Lock(), False
        self._gone = threading.Event()
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page._answer(self)

            def log_message(self, *_: object) -> None:  # a log would have the page's name
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}{self._path}"

    @contextmanager
    def served(self) -> Iterator[OneTimePage]:
        thread = threading.Thread(target=self._server.serve_forever, args=(POLL_S,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def wait(self, timeout_s: float) -> bool:
        """Return whether a browser was led on, once it was or time is up."""
        return self._gone.wait(timeout_s)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        is_led_on = self._take(handler)
        handler.send_response(SEE_OTHER if is_led_on else REFUSED)
        if is_led_on:
            handler.send_header("Location", self._make_target())
        for name, value in (("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"), ("Content-Length", "0")):
            handler.send_header(name, value)
        handler.end_headers()
        if is_led_on:
            self._gone.set()

    def _take(self, handler: BaseHTTPRequestHandler) -> bool:
        """Return whether a request is the one to be led on."""
        if not hmac.compare_digest(handler.path.encode(), self._path.encode()):
            return False
        if owner_of(handler.client_address, self._table) != os.getuid():
            return False
        with self._taking:
            is_first, self._is_taken = not self._is_taken, True
            return is_first


def owner_of(address: tuple[str, int], table: Path = TABLE) -> int | None:
    """Return the user id whose connection comes from that address of this machine; None where that is not known."""
    host, port = address
    wanted = f"{bytes(map(int, reversed(host.split('.')))).hex().upper()}:{port:04X}"
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return None
    # Linux, Documentation/networking/proc_net_tcp.rst: local address second, the owner eighth.
    return next((int(fields[7]) for fields in map(str.split, lines) if fields[1] == wanted), None)
