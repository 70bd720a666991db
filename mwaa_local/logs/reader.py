"""The events of a log group, read from the files that hold them, by time; new ones as they come."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.event import LogLine
from mwaa_local.logs.events import MILLISECONDS, LogEvent, level_of, time_of
from mwaa_local.logs.groups import StreamFile

FOLLOW_PAUSE_S = 0.25
READ_BYTES = 1024 * 1024  # of a file at a time, so that no log fills the memory
DAG_PROCESSOR = "dag-processor"
DEFAULT_LEVEL = "INFO"  # of lines before the first that names one


@dataclass
class FileEvents:
    """One file of Airflow's, read on from where it was read before; a line that is not whole yet stays for later."""

    file: StreamFile
    offset: int = 0
    inode: int = 0
    level: str = DEFAULT_LEVEL
    time_ms: int = 0

    def new(self) -> Iterator[LogEvent]:
        """Yield what was written since the last time. A file that is gone, or cannot be read, has nothing."""
        try:
            with self.file.path.open("rb") as file:
                self._notice(file.fileno())
                file.seek(self.offset)
                while data := file.read(READ_BYTES):
                    # One line longer than all that is read comes in parts.
                    size = data.rfind(b"\n") + 1 or (len(data) if len(data) == READ_BYTES else 0)
                    if not size:
                        return
                    self.offset += size
                    file.seek(self.offset)
                    # Not splitlines(): messages may hold other characters that it takes for line ends.
                    for line in data[:size].decode("utf-8", "replace").removesuffix("\n").split("\n"):
                        yield self._event(line)
        except OSError:
            return

    def _notice(self, fd: int) -> None:
        """Begin anew where the name leads to another file now, or where somebody emptied it."""
        about = os.fstat(fd)
        if about.st_ino != self.inode or about.st_size < self.offset:
            self.inode, self.offset, self.level, self.time_ms = about.st_ino, 0, DEFAULT_LEVEL, 0
        self.time_ms = self.time_ms or int(about.st_mtime * MILLISECONDS)

    def _event(self, line: str) -> LogEvent:
        self.level = level_of(line) or self.level
        self.time_ms = time_of(line) or self.time_ms
        return LogEvent(self.file.stream, self.time_ms, line, self.level)


@dataclass
class ComponentEvents:
    """Lines of components as events: a line without a level goes on what its component said before."""

    host: str
    airflow_3: bool
    streams: dict[str, str] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)

    def of(self, line: LogLine) -> LogEvent:
        level = level_of(line.text) or self.levels.get(line.component, DEFAULT_LEVEL)
        self.levels[line.component] = level
        stream = self.streams.setdefault(line.component, self._name(line))
        return LogEvent(stream, int(line.time * MILLISECONDS), line.text, level)

    def _name(self, line: LogLine) -> str:
        """`worker_HOST_EPOCH.log`, and one name for all of the DAG processor's (amazon-mwaa-docker-images)."""
        if line.component == DAG_PROCESSOR:
            return "dag-processor-manager.log" if self.airflow_3 else "dag_processor_manager.log"
        return f"{line.component.partition('.')[0]}_{self.host}_{int(line.time)}.log"


def read_files(files: Callable[[], Iterable[StreamFile]], *, follow: bool) -> Iterator[LogEvent]:
    """Yield the events of files by time; with `follow`, new ones, and those of files that are new, for ever."""
    known: dict[Path, FileEvents] = {}
    while True:
        batch: list[LogEvent] = []
        for file in files():
            batch += known.setdefault(file.path, FileEvents(file)).new()
        yield from sorted(batch, key=lambda event: event.time_ms)
        if not follow:
            return
        time.sleep(FOLLOW_PAUSE_S)
