"""What stands for Airflow where somebody signs in at a door: its login form, and what makes users beside it."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

from tests.unit.door.doors import Asked, WebServer


class Users:
    """Makes users of the web server: what the door asks for that, on the socket of its commands."""

    def __init__(self, folder: Path) -> None:
        path = folder / "users.sock"
        (folder / "commands.json").write_text(json.dumps({"socket": str(path)}))
        self.made: list[dict[str, str]] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection, connection.makefile("rb") as asked:
                self.made.append(json.loads(asked.readline())["user"])
                connection.sendall(b'{"user_id": 1}\n')


class Airflow:
    """Airflow's own login form, which knows of each user the newest password alone."""

    def __init__(self, server: WebServer, users: Users) -> None:
        self.users = users
        self.before_form: Callable[[], object] = lambda: None
        server.answer = self._answer

    def _answer(self, asked: Asked) -> None:
        form = parse_qs(asked.body().decode())
        if not form:
            self.before_form()
            asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return
        is_good = is_hash_of(self.users.made[-1]["password_hash"], form["password"][0])
        more = b"Location: /\r\nSet-Cookie: session=made\r\n" if is_good else b"Location: /login/\r\n"
        asked.send(b"HTTP/1.1 302 Found\r\n" + more + b"Content-Length: 0\r\n\r\n")


def is_hash_of(password_hash: str, password: str) -> bool:
    method, salt, digest = password_hash.split("$")
    rounds = int(method.rpartition(":")[2])
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), rounds).hex() == digest
