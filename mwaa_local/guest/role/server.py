"""Listen: packets of botocore's monitoring by UDP, and on the TCP port of that number who asks for credentials.

GET /_mwaa-local/iam                200 when it is ready
GET /_mwaa-local/credentials        as a container's endpoint, to who has the token in `Authorization`
"""

from __future__ import annotations

import contextlib
import hmac
import http.server
import json
import signal
import sys
import threading
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .monitoring import listen

if TYPE_CHECKING:
    from mwaa_local.iam.credentials import RENEW_BEFORE_S, Handed, NoCredentials, Source
    from mwaa_local.iam.ledger import SUFFIX, Ledger
else:
    from mwaa_iam.credentials import RENEW_BEFORE_S, Handed, NoCredentials, Source
    from mwaa_iam.ledger import SUFFIX, Ledger

READY_PATH, CREDENTIALS_PATH = "/_mwaa-local/iam", "/_mwaa-local/credentials"
WRITE_EVERY_S = 2.0
REQUEST_S = 30.0  # for a client to send what it asks


def serve(values: dict[str, Any]) -> int:
    """Serve as the configuration says, until a signal; return an exit code."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    host, port = values["listens"]
    ledger = Ledger(Path(values["calls"]) / f"monitoring{SUFFIX}")
    listen((host, int(port)), str(values["environment"]), ledger, ended)
    vault = Vault(Source.of(values["source"]), str(values["token"])) if values["source"] else None
    server = Server((host, int(port)), vault, values["names"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    is_written = True
    while not ended.wait(WRITE_EVERY_S):
        is_written = _write(ledger, say=is_written)
    server.shutdown()
    _write(ledger, say=is_written)
    return 0


def _write(ledger: Ledger, *, say: bool) -> bool:
    try:
        ledger.write()
    except OSError as error:
        if say:
            tell(f"what tasks call cannot be noted: {error}")
        return False
    return True


def tell(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stdout.write(f"mwaa-local: {text}\n")
        sys.stdout.flush()


class Vault:
    """Credentials, held in memory until they are near their end."""

    def __init__(self, source: Source, token: str) -> None:
        self._source, self.token = source, token
        self._session: Any = None
        self._held: Handed | None = None
        self._lock = threading.Lock()

    def handed(self) -> Handed:
        """Return credentials that are good for a while. Raises NoCredentials."""
        with self._lock:
            now = time.time()
            if self._held is None or self._held.expires_at - now < RENEW_BEFORE_S:
                self._held = self._fetch(now)
            return self._held

    def _fetch(self, now: float) -> Handed:
        try:
            # A session anew: a login that was made meanwhile, or a changed file, counts.
            session = self._source.open()
            found = session.fetch(now)
        except NoCredentials as error:
            if self._held is not None and self._held.expires_at > now:
                return self._held  # still good; whoever asks asks again
            tell(f"{error.what}: {error.why}; {error.hint}")
            raise
        if self._held is None or self._held.who != found.who:
            tell(f"tasks are {found.who}" + (f": {found.not_assumed}" if found.not_assumed else ""))
        return found


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], vault: Vault | None, names: list[str]) -> None:
        self.vault, self.names = vault, names
        super().__init__(address, Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers programs of this machine, and no page of another site."""

    server: Server
    timeout = REQUEST_S

    def do_GET(self) -> None:
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        if host not in self.server.names or self.headers.get("Sec-Fetch-Site") == "cross-site":
            self._answer(HTTPStatus.FORBIDDEN, {"message": "mwaa-local: this address is for programs of this machine"})
        elif self.path == READY_PATH:
            self._answer(HTTPStatus.OK, {"ready": True})
        elif self.path == CREDENTIALS_PATH and self.server.vault is not None:
            self._hand_out(self.server.vault)
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"message": "mwaa-local: there is nothing here"})

    def _hand_out(self, vault: Vault) -> None:
        given = self.headers.get("Authorization") or ""
        if not hmac.compare_digest(given.encode(), vault.token.encode()):
            self._answer(HTTPStatus.UNAUTHORIZED, {"message": "mwaa-local: `Authorization` has another token"})
            return
        try:
            self._send(HTTPStatus.OK, vault.handed().to_json())
        except NoCredentials as error:
            said = {"code": "NoCredentials", "message": f"mwaa-local: {error.what}: {error.why}; {error.hint}"}
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, said)

    def _answer(self, status: HTTPStatus, value: dict[str, Any]) -> None:
        self._send(status, json.dumps(value).encode())

    def _send(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass
