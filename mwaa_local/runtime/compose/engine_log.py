"""The engine's own form of a container's output: frames with a stream and a time, long lines in several. Pure."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

HEADER = struct.Struct(">BxxxL")  # stream, length; Docker Engine API, "Attach to a container", "Stream format"
STREAMS = {1: "out", 2: "err"}
NANOSECONDS = 10**9
LINE_LIMIT_BYTES = 1 << 20  # a longer line is kept in pieces of this size, as the process runtime does
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Frame:
    """One piece of output as the engine stored it: a line with its newline, or a part of a long one without."""

    stream: str  # "out" or "err"
    time_ns: int  # since the epoch; all parts of a line have the same
    data: bytes


@dataclass(frozen=True)
class OutputLine:
    """One whole line."""

    stream: str
    time_ns: int
    text: str


def frames(data: bytes) -> list[Frame]:
    """Return the frames of an answer that was asked for with times."""
    found = []
    start = 0
    while start + HEADER.size <= len(data):
        stream, length = HEADER.unpack_from(data, start)
        start += HEADER.size
        when, _, rest = data[start : start + length].partition(b" ")
        found.append(Frame(STREAMS.get(stream, "out"), nanoseconds(when.decode("ascii", "replace")), rest))
        start += length
    return found


def lines(found: Iterable[Frame], after: Mapping[str, int], *, ended: bool) -> list[OutputLine]:
    """Return the lines that each stream wrote later than `after` (stream -> nanoseconds), by time.

    A line whose end has not been written yet is left out, unless the program `ended` and will not write it any more.
    """
    parts: dict[str, list[Frame]] = {}
    whole: list[OutputLine] = []
    for frame in found:
        if frame.time_ns <= after.get(frame.stream, 0):
            continue
        begun = parts.setdefault(frame.stream, [])
        begun.append(frame)
        if frame.data.endswith(b"\n"):
            whole.extend(_joined(parts.pop(frame.stream)))
    if ended:
        for begun in parts.values():
            whole.extend(_joined(begun))
    return sorted(whole, key=lambda line: line.time_ns)


def _joined(parts: list[Frame]) -> Iterator[OutputLine]:
    data = b"".join(part.data for part in parts).removesuffix(b"\n").rstrip(b"\r")
    for start in range(0, max(1, len(data)), LINE_LIMIT_BYTES):
        text = data[start : start + LINE_LIMIT_BYTES].decode("utf-8", "replace")
        yield OutputLine(parts[0].stream, parts[0].time_ns, text)


def nanoseconds(text: str) -> int:
    """Return nanoseconds since the epoch; a float of seconds could not tell two lines apart. 0 for what is no time."""
    match = _TIME.fullmatch(text)
    if match is None:
        return 0
    zone = "+00:00" if match[3] == "Z" else match[3]
    seconds = int(datetime.fromisoformat(match[1] + zone).timestamp())
    return seconds * NANOSECONDS + int((match[2] or "").ljust(9, "0"))


def epoch(text: str) -> float:
    """Return epoch seconds; 0 for the engine's "never", which lies in the year 1."""
    return max(0.0, nanoseconds(text) / NANOSECONDS)
