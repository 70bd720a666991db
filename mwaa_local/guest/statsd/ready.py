"""The sign that the program listens: a page that says so, on the TCP port of the same number."""

from __future__ import annotations

import contextlib
import socket
from threading import Thread

BODY = b'{"ready": true}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: " + str(len(BODY)).encode() + b"\r\n\r\n" + BODY
)
REQUEST_S = 2.0  # for a client to say what it wants; whatever that is, the answer is the same
REQUEST_BYTES = 8192


def listen(host: str, port: int) -> socket.socket:
    """Return the listening socket. Raises OSError."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen()
    return listening


def answer_all(listening: socket.socket) -> None:
    """Answer whoever asks, as long as the program runs."""
    Thread(target=_answer_all, args=(listening,), daemon=True).start()


def _answer_all(listening: socket.socket) -> None:
    while True:
        with contextlib.suppress(OSError):  # a client that went away
            client, _ = listening.accept()
            with client:
                client.settimeout(REQUEST_S)
                if _is_asked(client):
                    client.sendall(ANSWER)


def _is_asked(client: socket.socket) -> bool:
    request = b""
    while b"\r\n\r\n" not in request and len(request) < REQUEST_BYTES:
        part = client.recv(REQUEST_BYTES)
        if not part:
            return False
        request += part
    return True
