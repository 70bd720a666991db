"""Bodies pass in pieces, in both directions, and what ends on one side ends on the other."""

from __future__ import annotations

import contextlib
import socket
import threading
from http.client import IncompleteRead

import psutil
import pytest

from tests.unit.door.doors import HOST, OK, TIMEOUT_S, Asked, RunningDoor, WebServer, all_of, running_door, until

MEGABYTE = 1 << 20
BIG_BYTES = 100 * MEGABYTE
KEPT_BYTES = 24 * MEGABYTE  # of memory more than before: far less than the body, more than an allocator's whims
HEAD = b"POST /up HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_first_piece_of_an_answer_arrives_before_the_last_is_sent(door: RunningDoor, server: WebServer) -> None:
    got_first = threading.Event()

    def answer(asked: Asked) -> None:
        asked.send(CHUNKED + b"6\r\nfirst\n\r\n")
        assert got_first.wait(TIMEOUT_S)
        asked.send(b"5\r\nlast\n\r\n0\r\n\r\n")

    server.answer = answer
    client = door.client()
    client.request("GET", "/")
    with client.getresponse() as got:
        assert got.readline() == b"first\n"
        got_first.set()
        assert got.read() == b"last\n"
    client.close()


@pytest.mark.parametrize("length", [b"Content-Length: 9", b"Transfer-Encoding: chunked"])
def test_first_piece_of_an_upload_arrives_before_the_last_is_sent(
    door: RunningDoor, server: WebServer, length: bytes
) -> None:
    got_first, received = threading.Event(), []

    def answer(asked: Asked) -> None:
        for piece in asked.pieces():
            received.append(piece)
            got_first.set()
        asked.send(OK)

    server.answer = answer
    is_chunked = b"chunked" in length
    with door.raw(HEAD + length + b"\r\n\r\n" + (b"5\r\nfirst\r\n" if is_chunked else b"first")) as connection:
        assert got_first.wait(TIMEOUT_S)
        connection.sendall(b"4\r\nlast\r\n0\r\n\r\n" if is_chunked else b"last")
        assert all_of(connection).endswith(b"ok")
    assert received == [b"first", b"last"]
    name, _, value = length.decode().partition(": ")
    assert server.asked[0].values(name) == [value]


def test_answer_that_the_web_server_ends_by_closing_is_whole(door: RunningDoor, server: WebServer) -> None:
    def answer(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")
        asked.hang_up()

    server.answer = answer
    assert door.get("/").body == b"all of it"


def test_large_answer_passes_without_being_kept(door: RunningDoor, server: WebServer) -> None:
    def answer(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG_BYTES)
        for _ in range(BIG_BYTES // MEGABYTE):
            asked.send(b"a" * MEGABYTE)

    server.answer = answer
    memory = Memory(door)
    client = door.client()
    client.request("GET", "/")
    with client.getresponse() as got:
        until(lambda: memory.is_quiet(), "the door waits for a client that does not read")
        memory.look()
        total = 0
        while piece := got.read(MEGABYTE):
            total += len(piece)
            memory.look()
    client.close()
    assert total == BIG_BYTES
    assert memory.grown < KEPT_BYTES


def test_large_upload_passes_without_being_kept(door: RunningDoor, server: WebServer) -> None:
    totals = []
    memory = Memory(door)

    def answer(asked: Asked) -> None:
        until(lambda: memory.is_quiet(), "the door waits for a web server that does not read")
        memory.look()
        totals.append(sum(map(len, asked.pieces())))
        asked.send(OK)

    server.answer = answer
    with door.raw(HEAD + b"Content-Length: %d\r\n\r\n" % BIG_BYTES) as connection:
        for _ in range(BIG_BYTES // MEGABYTE):
            connection.sendall(b"a" * MEGABYTE)
            memory.look()
        assert all_of(connection).endswith(b"ok")
    assert totals == [BIG_BYTES]
    assert memory.grown < KEPT_BYTES


class Memory:
    """How much memory a door takes more than at first."""

    def __init__(self, door: RunningDoor) -> None:
        self._process = psutil.Process(door.process.pid)
        self._before = self._process.memory_info().rss
        self._last_cpu_s = -1.0
        self.grown = 0

    def look(self) -> None:
        self.grown = max(self.grown, self._process.memory_info().rss - self._before)

    def is_quiet(self) -> bool:
        """Say whether the process has done nothing since the last look."""
        times = self._process.cpu_times()
        before, self._last_cpu_s = self._last_cpu_s, times.user + times.system
        return before == self._last_cpu_s


def test_client_that_goes_away_ends_the_request_to_the_web_server(door: RunningDoor, server: WebServer) -> None:
    began, gone = threading.Event(), threading.Event()

    def answer(asked: Asked) -> None:
        began.set()
        if asked.client_is_gone():
            gone.set()

    server.answer = answer
    with door.raw(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        assert began.wait(TIMEOUT_S)
    assert gone.wait(TIMEOUT_S)


def test_client_that_goes_away_while_it_reads_ends_the_stream(door: RunningDoor, server: WebServer) -> None:
    gone = threading.Event()

    def answer(asked: Asked) -> None:
        asked.send(CHUNKED)
        try:
            while True:
                asked.send(b"4\r\nline\r\n")
        except OSError:
            gone.set()

    server.answer = answer
    with door.raw(b"GET /follow HTTP/1.1\r\nHost: localhost\r\n\r\n") as connection:
        assert connection.recv(100)
    assert gone.wait(TIMEOUT_S)


def test_client_that_goes_away_while_it_sends_ends_the_upload(door: RunningDoor, server: WebServer) -> None:
    received: list[bytes] = []
    ended = threading.Event()

    def answer(asked: Asked) -> None:
        with contextlib.suppress(OSError, ValueError):
            received.extend(asked.pieces())
        ended.set()

    server.answer = answer
    with door.raw(HEAD + b"Content-Length: 10\r\n\r\nhalf") as connection:
        until(lambda: server.asked, "the request arrives")
        connection.shutdown(socket.SHUT_RDWR)
    assert ended.wait(TIMEOUT_S)
    assert b"".join(received) in (b"half", b"")


@pytest.mark.parametrize("length", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
def test_answer_that_is_cut_off_is_not_taken_for_whole(door: RunningDoor, server: WebServer, length: bytes) -> None:
    def answer(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n" + (b"4\r\npart\r\n" if b"ed" in length else b"part"))
        asked.hang_up()

    server.answer = answer
    with pytest.raises((IncompleteRead, ConnectionResetError)):
        door.get("/")
    server.answer = lambda asked: asked.send(OK)
    assert door.get("/").status == 200


def test_answer_before_the_upload_has_ended_reaches_the_client(door: RunningDoor, server: WebServer) -> None:
    def answer(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        asked.hang_up()

    server.answer = answer
    with door.raw(HEAD + b"Content-Length: 1000\r\n\r\nhalf") as connection:
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 413 Too Large")


def test_web_server_that_hangs_up_without_a_word_is_a_bad_gateway(door: RunningDoor, server: WebServer) -> None:
    server.answer = Asked.hang_up
    answer = door.get("/", "POST", body=b"a")
    assert answer.status == 502
    assert answer.text == "mwaa-local: Airflow's web server ended in the middle of this request.\n"


def test_answer_that_is_no_http_is_a_bad_gateway(door: RunningDoor, server: WebServer) -> None:
    server.replies(b"something else\r\n\r\n")
    answer = door.get("/")
    assert (answer.status, "mwaa-local: " in answer.text) == (502, True)


def test_request_is_not_sent_twice(door: RunningDoor, server: WebServer) -> None:
    client = door.client()
    client.request("GET", "/")
    assert client.getresponse().read() == b"ok"
    server.answer = Asked.hang_up
    client.request("POST", "/trigger", body=b"a")
    assert client.getresponse().status == 502
    client.close()
    lines = [asked.line for asked in server.asked if "HTTP" in asked.line]
    assert lines == ["GET / HTTP/1.1", "POST /trigger HTTP/1.1"]


def test_slow_web_server_is_waited_for_while_others_are_answered(door: RunningDoor, server: WebServer) -> None:
    go_on = threading.Event()

    def answer(asked: Asked) -> None:
        if "/slow" in asked.line:
            assert go_on.wait(TIMEOUT_S)
        asked.send(OK)

    server.answer = answer
    slow = [door.raw(b"GET /slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") for _ in range(20)]
    assert door.get("/").body == b"ok"
    go_on.set()
    for connection in slow:
        with connection:
            assert all_of(connection).endswith(b"ok")


def test_web_server_that_is_away_is_told_and_found_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    listener = socket.create_server((HOST, 0))
    port = listener.getsockname()[1]
    listener.close()
    with running_door(tmp_path_factory.mktemp("door"), port) as door:
        answer = door.get("/home")
        assert (answer.status, answer.values("Retry-After")) == (503, ["1"])
        assert answer.text == (
            "mwaa-local: Airflow's web server does not answer yet; `mwaa-local status` says how it is.\n"
        )
        assert door.get("/upload", "POST", body=b"a" * MEGABYTE).status == 503
        server = WebServer(port)
        assert door.get("/home").body == b"ok"
        server.close()
        assert door.log == ""
