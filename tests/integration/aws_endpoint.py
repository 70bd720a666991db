"""The local AWS as a program of its own, without an environment around it, and what clients send to it."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

from mwaa_local.runtime.ports import free_port
from mwaa_local.services.aws import IAM_DIR, PROGRAM_DIR, READY_PATH, SERVER_VARIABLES, aws_python
from mwaa_local.services.aws_clients import host_names
from tests.conftest import cache_dir
from tests.environments import wait_until

REGION = "us-east-1"
NOTHING: dict[str, Any] = {
    "region": REGION,
    "folder": "/",
    "buckets": [],
    "objects": [],
    "secrets": {},
    "parameters": [],
}
START_TIMEOUT_S = 60.0
STATE_KEY = "a key of these tests"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Endpoint:
    """One that listens. `socket_path` is where it looks for what answers for MWAA itself."""

    port: int
    socket_path: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def client(self, service: str, key: str = "local", region: str = REGION, **config: Any) -> Any:
        """Return botocore's own client, which asks once and puts no prefix before the host."""
        settings = {"retries": {"total_max_attempts": 1}, "inject_host_prefix": False, "proxies": {}, **config}
        session = botocore.session.Session()
        session.set_credentials(key, "local")
        return session.create_client(service, region_name=region, endpoint_url=self.url, config=Config(**settings))

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        """Send a request as it stands, with a Host header only where `headers` have one or none is given."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode(errors="replace"))
        finally:
            connection.close()


@contextmanager
def endpoint(
    folder: Path,
    fixtures: Mapping[str, Any] | None = None,
    socket_path: Path | None = None,
    state: Path | None = None,
    port: int = 0,
    calls: Path | None = None,
    enforced: Mapping[str, str] | None = None,
    source: Mapping[str, Any] | None = None,
) -> Iterator[Endpoint]:
    """Start the program as the launcher does; end it afterwards. It keeps what it holds only in a folder `state`."""
    port, socket_path = port or free_port(), socket_path or folder / "api.sock"
    values = {
        "listens": ["127.0.0.1", port],
        "names": list(host_names("localhost")),
        "control_plane": str(socket_path),
        "state": str(state or ""),
        "state_key": STATE_KEY,
        "iam": str(IAM_DIR),
        "calls": str(calls or ""),
        "enforced": dict(enforced or {}),
        "source": dict(source or {}),
        "fixtures": {**NOTHING, **(fixtures or {})},
    }
    (folder / "aws.json").write_text(json.dumps(values))
    python = aws_python(cache_dir(), os.environ, lambda _: None)
    with (folder / "aws.log").open("wb") as log:
        process = subprocess.Popen(
            [python, "-I", str(PROGRAM_DIR), str(folder / "aws.json")],
            env={"PATH": os.environ["PATH"], **SERVER_VARIABLES},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    started = Endpoint(port, socket_path, process)

    def answers() -> bool:
        assert process.poll() is None, (folder / "aws.log").read_text()
        try:
            return started.ask("GET", READY_PATH).status == 200
        except OSError:
            return False

    try:
        wait_until(answers, START_TIMEOUT_S, "the local AWS answers")
        yield started
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


class Recorder(socketserver.ThreadingUnixStreamServer):
    """A process that answers for MWAA, as far as the dispatcher sees one: it notes what comes."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        super().__init__(str(path), _Recording)


class _Recording(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorder

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.command, self.path, headers, body))
        text = json.dumps({"Environments": ["mine"], "CliToken": "t"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the library's names

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass


@contextmanager
def control_plane(path: Path) -> Iterator[Recorder]:
    """Listen where an endpoint looks for what answers for MWAA."""
    recorder = Recorder(path)
    threading.Thread(target=recorder.serve_forever, daemon=True).start()
    try:
        yield recorder
    finally:
        recorder.shutdown()
        recorder.server_close()
        path.unlink()
