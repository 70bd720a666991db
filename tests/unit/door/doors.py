"""A door as it really runs, a program on a port, and a web server behind it of which a test decides every byte."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

import mwaa_local.door
from mwaa_local.door.tokens import CLI, mint

PROGRAM_DIR = Path(str(mwaa_local.door.__file__)).parent
READY_PATH = "/_mwaa-local/door"
HOST = "127.0.0.1"
START_TIMEOUT_S = 120.0  # a busy machine is no fault
TIMEOUT_S = 120.0  # of anything in a test that should not take long
KEY = "the-key-of-the-door"
ENVIRONMENT = "here"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"


@dataclass
class Asked:
    """One request as it came to the web server behind the door."""

    connection: socket.socket = field(repr=False)
    reader: Any = field(repr=False)
    line: str
    headers: list[tuple[str, str]]  # in their order

    def values(self, name: str) -> list[str]:
        return [value for other, value in self.headers if other.lower() == name.lower()]

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes: chunks as they were cut, else whatever is there."""
        if self.values("Transfer-Encoding"):
            while size := int(self.reader.readline(), 16):
                yield self.reader.read(size)
                self.reader.readline()
            self.reader.readline()
            return
        left = int((self.values("Content-Length") or ["0"])[0])
        while left and (piece := self.reader.read1(min(left, 1 << 16))):
            left -= len(piece)
            yield piece

    def body(self) -> bytes:
        return b"".join(self.pieces())

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def hang_up(self) -> None:
        """End the connection, whatever has been sent of an answer."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def client_is_gone(self, timeout_s: float = TIMEOUT_S) -> bool:
        """Wait until the other end closes this connection."""
        self.connection.settimeout(timeout_s)
        try:
            return not self.reader.read(1)
        except TimeoutError:
            return False
        except OSError:
            return True


def answer_ok(asked: Asked) -> None:
    asked.body()
    asked.send(OK)


class WebServer:
    """Answers each request with what `answer` sends; by https with a `context`."""

    def __init__(self, port: int = 0, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self._listener = socket.create_server((HOST, port))
        self.port: int = self._listener.getsockname()[1]
        self.answer: Callable[[Asked], None] = answer_ok
        self.asked: list[Asked] = []
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self) -> None:
        self.answer, self.asked, self.connections = answer_ok, [], 0

    def replies(self, data: bytes) -> None:
        """Answer whatever comes with these bytes."""

        def answer(asked: Asked) -> None:
            asked.body()
            asked.send(data)

        self.answer = answer

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ValueError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            reader = connection.makefile("rb")
            while line := reader.readline():
                headers = []
                while (header := reader.readline().decode("latin-1").rstrip("\r\n")) != "":
                    name, _, value = header.partition(":")
                    headers.append((name, value.strip()))
                asked = Asked(connection, reader, line.decode("latin-1").rstrip("\r\n"), headers)
                self.asked.append(asked)
                self.answer(asked)


@dataclass
class RunningDoor:
    """One door on its port."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    authority: str = ""  # the file of who vouches for it; "" where it speaks http

    @property
    def url(self) -> str:
        return f"http{'s' if self.authority else ''}://{HOST}:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "door.log").read_text()

    def client(self) -> HTTPConnection:
        if self.authority:
            context = ssl.create_default_context(cafile=self.authority)
            return HTTPSConnection(HOST, self.port, timeout=TIMEOUT_S, context=context)
        return HTTPConnection(HOST, self.port, timeout=TIMEOUT_S)

    def get(self, path: str = "/", method: str = "GET", **more: Any) -> Answer:
        """Ask as http.client does, on a connection of its own."""
        client = self.client()
        try:
            client.request(method, path, **more)
            with client.getresponse() as answer:
                return Answer(answer.status, answer.reason, answer.getheaders(), answer.read())
        finally:
            client.close()

    def raw(self, data: bytes = b"") -> socket.socket:
        """Open a connection and send these bytes on it."""
        connection = socket.create_connection((HOST, self.port), timeout=TIMEOUT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(data)
        return connection

    def exchange(self, data: bytes) -> bytes:
        """Send these bytes, whose last request closes the connection; return all that comes back."""
        with self.raw(data) as connection:
            return all_of(connection)

    def run(self, command: str, token: str | None = None) -> Answer:
        """Run a command as a script for MWAA does."""
        bearer = mint(KEY, CLI, ENVIRONMENT) if token is None else token
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "text/plain"}
        return self.get("/aws_mwaa/cli", "POST", body=command.encode(), headers=headers)


@dataclass
class Answer:
    """What a client got."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for other, value in self.headers if other.lower() == name.lower()]

    @property
    def text(self) -> str:
        return self.body.decode()


def all_of(connection: socket.socket) -> bytes:
    """Return what comes on a connection until it ends."""
    pieces = []
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(1 << 16):
            pieces.append(piece)
    return b"".join(pieces)


def until(check: Callable[[], object], what: str, timeout_s: float = TIMEOUT_S) -> None:
    """Return once `check` is true."""
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s:g} s"
        time.sleep(0.01)


@contextlib.contextmanager
def running_door(
    folder: Path, upstream_port: int, python: Path | str = sys.executable, authority: str = "", **members: object
) -> Iterator[RunningDoor]:
    """Run a door; `members` are of its configuration, `authority` is the file of who vouches for it."""
    port = free_port()
    configuration = {
        "environment": ENVIRONMENT,
        "version": "3.3.1",
        "generation": "2.x",  # in which nobody is given a token that did not bring one
        "rest_base": "/api/v2",
        "listens": [HOST, port],
        "upstream": [HOST, upstream_port],
        "names": ["my-machine.example.com"],
        "origins": ["http://localhost:3000"],
        "login": "open",
        "keys": {"door": KEY, "jwt": KEY},
        "used_tokens": str(folder / "used-tokens.json"),
        "commands": str(folder / "commands.json"),
        "allowed": ["dags list", "dags trigger", "variables set", "variables get", "version"],
        **members,
    }
    path = folder / "door.json"
    path.write_text(json.dumps(configuration))
    with (folder / "door.log").open("wb") as log:
        process = subprocess.Popen(
            [python, "-I", str(PROGRAM_DIR), str(path)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    door = RunningDoor(process, port, folder, authority)
    try:
        until(lambda: _listens(door), "the door listens", START_TIMEOUT_S)
        yield door
    finally:
        process.terminate()
        try:
            process.wait(TIMEOUT_S)
        finally:
            process.kill()


def _listens(door: RunningDoor) -> bool:
    assert door.process.poll() is None, door.log
    try:
        return door.get(READY_PATH).status == 200
    except OSError:
        return False


def free_port() -> int:
    with socket.create_server((HOST, 0)) as found:
        port: int = found.getsockname()[1]
        return port
