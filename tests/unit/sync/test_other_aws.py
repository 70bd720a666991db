"""A bucket of another AWS whose answers are cut short, or which refuses to be read: on a real port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from mwaa_local.sync.names import Item
from mwaa_local.sync.other_aws import OtherAwsBucket
from mwaa_local.sync.reading import BucketUnreadable

DENIED = b"<?xml version='1.0'?><Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>"
Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def bucket(answer: Answer) -> Iterator[OtherAwsBucket]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield OtherAwsBucket(f"http://127.0.0.1:{server.server_port}", "source")
        finally:
            server.shutdown()


def cut_short(said: int, body: bytes, status: int = 200) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(said))
        request.end_headers()
        request.wfile.write(body)
        request.close_connection = True

    return answer


def test_object_whose_answer_ends_early_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    item = Item("dags/a.py", "etag", 100)
    with (
        bucket(cut_short(100, b"x" * 10)) as source,
        pytest.raises(BucketUnreadable, match="ended in the middle"),
    ):
        list(source.fetch({tmp_path / "0": item}))
    with bucket(cut_short(10, b"x" * 10)) as source:
        ((path, fetched),) = source.fetch({tmp_path / "1": item})
    assert (path.read_bytes(), fetched.size) == (b"x" * 10, 10)


def test_object_in_pieces_of_its_own_sizes_comes_whole_or_not_at_all(tmp_path: Path) -> None:
    def in_pieces(end: bytes) -> Answer:
        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(200)
            request.send_header("Transfer-Encoding", "chunked")
            request.end_headers()
            request.wfile.write(b"3\r\nabc\r\n" + end)
            request.close_connection = True

        return answer

    item = Item("dags/a.py", "etag", 3)
    with bucket(in_pieces(b"0\r\n\r\n")) as source:
        list(source.fetch({tmp_path / "0": item}))
    assert (tmp_path / "0").read_bytes() == b"abc"
    with bucket(in_pieces(b"")) as source, pytest.raises(BucketUnreadable):
        list(source.fetch({tmp_path / "1": item}))


def test_list_whose_answer_ends_early_is_told() -> None:
    with bucket(cut_short(100, b"<List>")) as source, pytest.raises(BucketUnreadable, match="ended in the middle"):
        source.listing("dags/")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, DENIED, "It answered 403 (SignatureDoesNotMatch): it checks signatures or policies"),
        (401, b"no XML", "It answered 401: it checks signatures or policies"),
        (403, b"", "It answered 403: it checks signatures or policies"),
    ],
)
def test_who_refuses_the_sync_is_not_told_to_be_started(status: int, body: bytes, said: str) -> None:
    with (
        bucket(cut_short(len(body), body, status)) as source,
        pytest.raises(BucketUnreadable, match="not allowed to read s3://source at") as caught,
    ):
        source.listing("dags/")
    assert caught.value.why.startswith(said)
    assert "turn that check off there" in caught.value.hint
    assert "start" not in caught.value.hint


def test_other_answers_are_told_as_they_are() -> None:
    with bucket(cut_short(0, b"", 500)) as source, pytest.raises(BucketUnreadable, match="it answered 500"):
        source.listing("dags/")
