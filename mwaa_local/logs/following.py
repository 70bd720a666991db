"""Files read on from where they were read before, as events."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from mwaa_local.logs import opened, streams
from mwaa_local.logs.events import MILLISECONDS, LogEvent, level_in, said, time_in
from mwaa_local.logs.files import Kind, StreamFile
from mwaa_local.runtime import logfile

SETTLED_S = 1.0  # after which nobody is taken to be in the middle of a line, or of a traceback
# Of a file at a time, so that no log fills the memory: as long as CloudWatch's longest message.
READ_BYTES = 1024 * 1024 - 26
LINE_BYTES = 16 * READ_BYTES  # of one line: a longer one is several events
EVENT_BYTES = 128 * 1024  # ours; beyond it, lines that go on are an event of their own
DEFAULT_LEVEL = "INFO"  # of lines before the first that names one
# Lines of a component's that go on with the one before: indented ones, and a traceback's first and last.
GOES_ON = re.compile(
    r"\s|$|Traceback \(most recent|During handling of the above|The above exception was"
    r"|(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?::\s|$)"
)
MWAA_LINE = "[INFO] - {}"  # of requirements and startup script (amazon-mwaa-docker-images)


@dataclass(frozen=True)
class Place:
    """How far a file was read: its inode, bytes in it, what is known from what stands before, and how it begins."""

    inode: int = 0
    offset: int = 0
    level: str = DEFAULT_LEVEL
    time_ms: int = 0
    stream: str = ""
    begins: str = ""  # as much of it as was read, `opened.KNOWN_BYTES` at most

    def is_in(self, file: BinaryIO) -> bool:
        return opened.is_same(file, self.inode, self.offset, self.begins)


class FileEvents:
    """One file; what is not whole yet stays for later.

    A line of Airflow's that names neither time nor level goes on with the one before, as a traceback does: Airflow 2
    sends them to CloudWatch as one event. While more may come, the last event stays for later, too. A component's file
    goes on in a new one when it is full.
    """

    def __init__(self, file: StreamFile, place: Place | None = None) -> None:
        self.file = file
        self.place = place or Place(stream=file.stream)

    def new(self, *, at_once: bool = False) -> Iterator[list[LogEvent]]:
        """Yield, part by part, what was written since the last time; `place` is behind it when it was yielded.

        `at_once` leaves nothing for later. A file that is gone, or cannot be read, has nothing.
        """
        with contextlib.suppress(OSError), self.file.path.open("rb") as file:
            if not self.file.is_put_aside or self.place.is_in(file):
                yield from self._of(file, at_once=at_once)
                return
        if self.file.is_put_aside:
            yield from self._of_all(at_once=at_once)

    def _of_all(self, *, at_once: bool) -> Iterator[list[LogEvent]]:
        """Go on in the file that was read last, which was put aside, then in those after it."""
        with opened.with_older(self.file.path) as files:
            known = next((number for number in reversed(range(len(files))) if self.place.is_in(files[number])), 0)
            for number, file in enumerate(files[known:], known):
                with contextlib.suppress(OSError):
                    yield from self._of(file, at_once=at_once or number < len(files) - 1)

    def _of(self, file: BinaryIO, *, at_once: bool) -> Iterator[list[LogEvent]]:
        about = os.fstat(file.fileno())
        before = self.place
        if not before.is_in(file):  # another one, or emptied by somebody
            changed_ms = int(about.st_mtime * MILLISECONDS)
            level = before.level if self.file.is_put_aside else DEFAULT_LEVEL
            self.place = replace(before, inode=about.st_ino, offset=0, level=level, time_ms=changed_ms, begins="")
        try:
            for found in self._parts(file, about, at_once=at_once):
                self.place = replace(self.place, begins=opened.beginning(file, self.place.offset))
                yield found
        finally:
            if not self.place.offset:  # nothing that it could be known by: what was read before still is
                self.place = before

    def _parts(self, file: BinaryIO, about: os.stat_result, *, at_once: bool) -> Iterator[list[LogEvent]]:
        settled = at_once or time.time() - about.st_mtime > SETTLED_S
        while self.place.offset < about.st_size:
            file.seek(self.place.offset)
            data, is_end = _read(file)
            whole = _whole(data, settled=settled and is_end)
            if not whole:
                return
            # Not splitlines(): messages may hold other characters that it takes for line ends.
            lines = whole.removesuffix(b"\n").split(b"\n")
            behind = self.place.offset + len(whole)
            if self.file.kind is Kind.AIRFLOW:
                found = self._of_airflow(lines, behind, may_hold=not (settled and is_end), is_end=is_end)
            else:
                found = list(self._of_launcher(lines))
                self.place = replace(self.place, offset=behind)
            if self.place.offset < behind and not found:
                return
            yield found

    def _of_airflow(self, lines: Sequence[bytes], behind: int, *, may_hold: bool, is_end: bool) -> list[LogEvent]:
        """Return events, and move on behind them; the last one is held where more of it may come."""
        found: list[LogEvent] = []
        place = last = self.place
        for raw in lines:
            text = raw.decode("utf-8", "replace")
            about = said(text)
            if about.goes_on and found and _may_go_on(found[-1], len(raw)):
                found[-1] = replace(found[-1], message=f"{found[-1].message}\n{text}")
                place = replace(place, offset=place.offset + len(raw) + 1)
                continue
            last = place
            level, time_ms = about.level or place.level, about.time_ms or place.time_ms
            found.append(LogEvent(self.file.stream, time_ms, text, level))
            place = replace(place, offset=place.offset + len(raw) + 1, level=level, time_ms=time_ms)
        if may_hold and _may_go_on(found[-1], 0) and (is_end or len(found) > 1):
            found.pop()
            self.place = last
        else:
            self.place = replace(place, offset=behind)
        return found

    def _of_launcher(self, lines: Sequence[bytes]) -> Iterator[LogEvent]:
        """Yield the events of lines that the launcher wrote: they have their time before them, and none goes on."""
        for raw in lines:
            text = raw.decode("utf-8", "replace")
            if self.file.kind is Kind.SCRIPT:
                message = MWAA_LINE.format(text.partition(" ")[2])
                yield LogEvent(self.file.stream, time_in(text) or self.place.time_ms, message, is_always=True)
                continue
            line = logfile.parse(self.file.path.stem, text)
            if line is None:  # of a disk that was full
                continue
            time_ms = int(line.time * MILLISECONDS)
            if line.stream == logfile.STARTED or not self.place.stream:
                stream = streams.of_component(line.component, time_ms, airflow_3=self.file.airflow_3)
                self.place = replace(self.place, stream=stream, level=DEFAULT_LEVEL)
            if line.stream != logfile.STARTED:
                level = _level_of_output(line.text, self.place.level)
                self.place = replace(self.place, level=level, time_ms=time_ms)
                yield LogEvent(self.place.stream, time_ms, line.text, level, not self.file.parses_levels)


def _read(file: BinaryIO) -> tuple[bytes, bool]:
    """Return the next bytes, with at least one end of a line where there is one; and whether the file ends there."""
    data = file.read(READ_BYTES)
    is_end = len(data) < READ_BYTES
    parts = [data]
    while not is_end and b"\n" not in parts[-1] and len(parts) * READ_BYTES < LINE_BYTES:
        parts.append(file.read(READ_BYTES))
        is_end = len(parts[-1]) < READ_BYTES
    return b"".join(parts), is_end


def _whole(data: bytes, *, settled: bool) -> bytes:
    """Return whole lines; of a line that nobody goes on with, or that is too long, what there is."""
    end = data.rfind(b"\n") + 1
    if settled or end:
        return data if settled else data[:end]
    return _of_characters(data) if len(data) >= LINE_BYTES else b""


def _of_characters(data: bytes) -> bytes:
    """Return it without the first bytes of a character whose others come later."""
    for count in range(1, min(4, len(data)) + 1):
        byte = data[-count]
        if byte & 0xC0 != 0x80:  # where a character begins
            more = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return data[:-count] if more > count else data
    return data


def _level_of_output(text: str, before: str) -> str:
    """Return the level of a component's line: that of the line before it where it goes on with that."""
    return level_in(text) or (before if GOES_ON.match(text) else DEFAULT_LEVEL)


def _may_go_on(event: LogEvent, more_bytes: int) -> bool:
    return not event.message.startswith("{") and len(event.message) + more_bytes < EVENT_BYTES
