"""The events of a log group, read from the files that hold them, by time; new ones as they come."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from mwaa_local.event import LogLine
from mwaa_local.logs import streams
from mwaa_local.logs.events import MILLISECONDS, LogEvent, level_in, said
from mwaa_local.logs.files import Kind, StreamFile
from mwaa_local.runtime import logfile

FOLLOW_PAUSE_S = 0.25
SETTLED_S = 1.0  # after which nobody is taken to be in the middle of a line, or of a traceback
READ_BYTES = 1024 * 1024  # of a file at a time, so that no log fills the memory
EVENT_BYTES = 128 * 1024  # ours; beyond it, lines that go on are an event of their own
DEFAULT_LEVEL = "INFO"  # of lines before the first that names one
MWAA_LINE = "[INFO] - {}"  # of requirements and startup script (amazon-mwaa-docker-images)


@dataclass(frozen=True)
class Place:
    """How far a file was read: its inode, bytes in it, and what the lines until there said last."""

    inode: int = 0
    offset: int = 0
    level: str = DEFAULT_LEVEL
    time_ms: int = 0


@dataclass
class FileEvents:
    """One file, read on from where it was read before; what is not whole yet stays for later.

    A line of Airflow's that names neither time nor level goes on with the one before, as a traceback does: Airflow 2
    sends them to CloudWatch as one event. While more may come, the last event stays for later, too.
    """

    file: StreamFile
    place: Place = field(default_factory=Place)

    def new(self, *, at_once: bool = False) -> Iterator[list[LogEvent]]:
        """Yield, part by part, what was written since the last time; `place` is behind it when it was yielded.

        `at_once` leaves nothing for later. A file that is gone, or cannot be read, has nothing.
        """
        try:
            with self.file.path.open("rb") as file:
                about = os.fstat(file.fileno())
                self._notice(about)
                settled = at_once or time.time() - about.st_mtime > SETTLED_S
                while self.place.offset < about.st_size:
                    file.seek(self.place.offset)
                    data = file.read(READ_BYTES)
                    found = self._events(data, is_end=len(data) < READ_BYTES, settled=settled)
                    if not found:
                        return
                    yield found
        except OSError:
            return

    def _notice(self, about: os.stat_result) -> None:
        """Begin anew where the name leads to another file now, or where somebody emptied it."""
        if about.st_ino != self.place.inode or about.st_size < self.place.offset:
            self.place = Place(about.st_ino, time_ms=int(about.st_mtime * MILLISECONDS))

    def _events(self, data: bytes, *, is_end: bool, settled: bool) -> list[LogEvent]:
        is_cut = (settled and is_end) or b"\n" not in data  # the end of a file, or of what is read of an endless line
        if is_cut and not (settled or len(data) == READ_BYTES):
            return []
        whole = data if is_cut else data[: data.rfind(b"\n") + 1]
        # Not splitlines(): messages may hold other characters that it takes for line ends.
        lines = whole.removesuffix(b"\n").split(b"\n")
        found: list[LogEvent] = []
        place = last = self.place
        for raw in lines:
            event = self._event(raw.decode("utf-8", "replace").removesuffix("\r"), place)
            if event is None and found and _may_go_on(found[-1], len(raw)):
                found[-1] = replace(found[-1], message=f"{found[-1].message}\n{raw.decode('utf-8', 'replace')}")
            else:
                last = place
                found.append(event or self._continued(raw, place))
            place = replace(place, offset=place.offset + len(raw) + 1, level=found[-1].level, time_ms=found[-1].time_ms)
        place = replace(place, offset=self.place.offset + len(whole))
        is_held = self.file.kind is Kind.AIRFLOW and not is_cut and _may_go_on(found[-1], 0)
        if is_held and (is_end or len(found) > 1):
            found.pop()
            place = last
        self.place = place
        return found

    def _event(self, line: str, before: Place) -> LogEvent | None:
        """Return a line as an event; None for one of Airflow's that goes on with the one before."""
        stream = self.file.stream
        if self.file.kind is Kind.COMPONENT:
            parsed = logfile.parse("", line)
            text, when = (parsed.text, int(parsed.time * MILLISECONDS)) if parsed else (line, before.time_ms)
            return LogEvent(stream, when, text, level_in(text) or before.level)
        about = said(line)
        when = about.time_ms or before.time_ms
        if self.file.kind is Kind.SCRIPT:
            return LogEvent(stream, when, MWAA_LINE.format(line.partition(" ")[2]), is_always=True)
        return None if about.goes_on else LogEvent(stream, when, line, about.level or before.level)

    def _continued(self, raw: bytes, before: Place) -> LogEvent:
        return LogEvent(self.file.stream, before.time_ms, raw.decode("utf-8", "replace"), before.level)


def _may_go_on(event: LogEvent, more_bytes: int) -> bool:
    return not event.message.startswith("{") and len(event.message) + more_bytes < EVENT_BYTES


@dataclass
class ComponentEvents:
    """Lines of components as events: a line without a level goes on what its component said before."""

    airflow_3: bool
    streams: dict[str, str] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)

    def of(self, line: LogLine) -> LogEvent:
        level = level_in(line.text) or self.levels.get(line.component, DEFAULT_LEVEL)
        self.levels[line.component] = level
        when = int(line.time * MILLISECONDS)
        if line.component not in self.streams:
            name = streams.of_component(line.component, when, airflow_3=self.airflow_3)
            self.streams[line.component] = name
        return LogEvent(self.streams[line.component], when, line.text, level)


def read_files(files: Callable[[], Iterable[StreamFile]], *, follow: bool) -> Iterator[LogEvent]:
    """Yield the events of files by time; with `follow`, new ones, and those of files that are new, for ever."""
    known: dict[StreamFile, FileEvents] = {}
    while True:
        batch: list[LogEvent] = []
        for file in files():
            for part in known.setdefault(file, FileEvents(file)).new(at_once=not follow):
                batch += part
        yield from sorted(batch, key=lambda event: event.time_ms)
        if not follow:
            return
        time.sleep(FOLLOW_PAUSE_S)
