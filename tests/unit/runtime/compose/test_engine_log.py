"""The engine's frames become lines: whole, in order, each once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.runtime.compose.engine_log import (
    HEADER,
    LINE_LIMIT_BYTES,
    NANOSECONDS,
    epoch,
    frames,
    lines,
    nanoseconds,
)

STREAM_NUMBERS = {"out": 1, "err": 2}


def time_text(second: int, nanosecond: int = 0) -> str:
    return f"1970-01-01T00:00:{second:02d}.{nanosecond:09d}Z"


def frame(data: bytes, second: int = 1, stream: str = "out") -> bytes:
    payload = time_text(second).encode() + b" " + data
    return HEADER.pack(STREAM_NUMBERS[stream], len(payload)) + payload


def texts(data: bytes, *, ended: bool = False, **after_s: int) -> list[str]:
    after = {stream: second * NANOSECONDS for stream, second in after_s.items()}
    return [line.text for line in lines(frames(data), after, ended=ended)]


def test_lines_of_both_streams_come_by_time() -> None:
    data = frame(b"third\n", 3) + frame(b"first\n", 1) + frame(b"second \r\n", 2, "err")
    found = lines(frames(data), {}, ended=False)
    assert [(line.stream, line.time_ns // NANOSECONDS, line.text) for line in found] == [
        ("out", 1, "first"),
        ("err", 2, "second "),
        ("out", 3, "third"),
    ]


def test_each_stream_has_a_mark_of_its_own() -> None:
    data = frame(b"out 1\n", 1) + frame(b"err 2\n", 2, "err") + frame(b"out 3\n", 3)
    assert texts(data, out=1) == ["err 2", "out 3"]
    assert texts(data, out=3, err=1) == ["err 2"]
    assert texts(data, out=3, err=2) == []


def test_parts_of_a_long_line_are_joined_although_another_stream_writes_between_them() -> None:
    data = frame(b"a" * 10) + frame(b"other\n", 1, "err") + frame(b"b" * 10) + frame(b"c\n")
    assert sorted(texts(data)) == ["a" * 10 + "b" * 10 + "c", "other"]


def test_line_without_an_end_waits_for_it_unless_the_program_has_ended() -> None:
    data = frame(b"whole\n", 1) + frame(b"begun", 2)
    assert texts(data) == ["whole"]
    assert texts(data, ended=True) == ["whole", "begun"]


def test_very_long_line_is_kept_in_pieces() -> None:
    pieces = texts(frame(b"x" * (2 * LINE_LIMIT_BYTES + 5) + b"\n"))
    assert [len(piece) for piece in pieces] == [LINE_LIMIT_BYTES, LINE_LIMIT_BYTES, 5]


def test_empty_lines_and_odd_bytes_are_kept() -> None:
    assert texts(frame(b"\n", 1) + frame(b"\xff\n", 2)) == ["", "\ufffd"]


@given(st.binary(max_size=40))
def test_cut_off_or_damaged_answer_does_no_harm(data: bytes) -> None:
    whole = frame(b"kept\n")
    assert texts(whole + data[:7]) == ["kept"]
    lines(frames(data), {}, ended=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01.000000005Z", NANOSECONDS + 5),
        ("1970-01-01T00:00:01.5Z", NANOSECONDS * 3 // 2),
        ("1970-01-01T00:00:01Z", NANOSECONDS),
        ("1970-01-01T01:00:01.25+01:00", NANOSECONDS * 5 // 4),
        ("yesterday", 0),
        ("", 0),
    ],
)
def test_times_are_exact(text: str, expected: int) -> None:
    assert nanoseconds(text) == expected


def test_never_is_zero() -> None:
    assert epoch("0001-01-01T00:00:00Z") == 0
    assert epoch("1970-01-01T00:00:01.5Z") == 1.5
