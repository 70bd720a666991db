"""One component's output on disk: every line with its time and stream, rotated by size.

A line is `2026-11-21T12:03:44.123456+00:00 out text`. Written by the supervisor, read by `logs` and by error messages.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from mwaa_local.errors import ComponentUnknown
from mwaa_local.event import LogLine
from mwaa_local.naming import meant

MAX_BYTES = 20 * 1024 * 1024  # one file and one older one are kept, so a component never takes more than twice this
TAIL_LINES = 20  # of a failed component's output, in its error
TAIL_READ_BYTES = 64 * 1024
FOLLOW_PAUSE_S = 0.1
PRIVATE_FILE_MODE = 0o600  # a log may hold what tasks print
STARTED = "start"  # in the place of a stream: here the output of a new process, or container, begins


class LogFile:
    """Appends lines to `<logs_dir>/<component>.log`.

    A disk that is full costs lines, never the component: `problem` says so until a line can be written again.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self.problem = ""
        self._max_bytes = max_bytes
        self._file: FileIO | None = None
        self._size = 0

    def write(self, stream: str, text: str, when: float | None = None) -> None:
        """Append a line, written now or at `when` (epoch seconds)."""
        time_text = datetime.fromtimestamp(time.time() if when is None else when, UTC).isoformat(
            timespec="microseconds"
        )
        line = f"{time_text} {stream} {text}\n"
        try:
            self._write(line.encode("utf-8", "replace"))
        except OSError as error:
            self.problem = f"its log cannot be written: {error.strerror}"
            self.close()
        else:
            self.problem = ""

    def mark_start(self) -> None:
        """Note that what comes is the output of a new process. Who reads lines does not see it."""
        self.write(STARTED, "")

    def _write(self, data: bytes) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: a line is there for `logs -f` at once, and nothing is lost when the supervisor dies.
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE_MODE)
            self._file = os.fdopen(fd, "ab", buffering=0)
            self._size = os.fstat(self._file.fileno()).st_size
        self._file.write(data)
        self._size += len(data)
        if self._size > self._max_bytes:
            self.close()
            self.path.replace(older_path(self.path))
            self.path.touch(PRIVATE_FILE_MODE)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def older_path(path: Path) -> Path:
    """Return where a log's previous file is kept."""
    return path.with_name(path.name + ".1")


def parse(component: str, line: str) -> LogLine | None:
    """Return the line as a value, a mark of a start, too; None for a line that was cut off by a crash."""
    parts = line.split(" ", 2)
    if len(parts) < 2:
        return None
    try:
        when = datetime.fromisoformat(parts[0]).timestamp()
    except ValueError:
        return None
    return LogLine(component, parts[1], parts[2] if len(parts) > 2 else "", when)


def tail(path: Path, lines: int = TAIL_LINES) -> list[str]:
    """Return the texts of the last lines, without time and stream; nothing when there is no file."""
    return [line.text for line in last_lines("", path, lines)]


def last_lines(component: str, path: Path, lines: int) -> list[LogLine]:
    """Return the last lines of one file, of its last `TAIL_READ_BYTES` at most; nothing when there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL_READ_BYTES))
            data = file.read()
    except FileNotFoundError:
        return []
    return list(_parsed(component, data))[-lines:]


def chosen(logs_dir: Path, names: Sequence[str]) -> dict[str, Path]:
    """Return {component: its log} of those that a person names, of all when nobody does.

    Raises ComponentUnknown for a name under which nothing was written.
    """
    known = {path.stem: path for path in sorted(logs_dir.glob("*.log"))}
    found: dict[str, Path] = {}
    for name in names:
        wanted = meant(name, known)
        if not wanted:
            raise ComponentUnknown(
                f"no component {name!r} has written a log here",
                f"Logs exist for: {', '.join(known) or 'none'}.",
                "mwaa-local logs",
            )
        found |= {each: known[each] for each in wanted}
    return found or known


@dataclass(frozen=True)
class _Place:
    """How far a log was read: the file's inode, since its name goes to a new file, and bytes in it."""

    inode: int
    offset: int


def read(paths: dict[str, Path], *, follow: bool, from_end: bool = False) -> Iterator[LogLine]:
    """Yield the lines of several components ordered by time; with `follow`, wait for more for ever.

    `from_end` leaves out what is there already.
    """
    places = {name: _end(path) for name, path in paths.items()} if from_end else {}
    while True:
        batch: list[LogLine] = []
        for component, path in paths.items():
            batch.extend(_new_lines(component, path, places))
        yield from sorted(batch, key=lambda line: line.time)
        if not follow:
            return
        time.sleep(FOLLOW_PAUSE_S)


def _end(path: Path) -> _Place:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return _Place(0, 0)
    return _Place(stat.st_ino, stat.st_size)


def _new_lines(component: str, path: Path, places: dict[str, _Place]) -> Iterator[LogLine]:
    """Yield what was written since the remembered place, the rest of a file that was put aside first."""
    place = places.get(component)
    current = _end(path)
    if current == place:
        return
    if place is None or place.inode != current.inode:
        older = older_path(path)
        start = place.offset if place is not None and _end(older).inode == place.inode else 0
        yield from _parsed(component, _whole_lines(older, start))
        place = _Place(current.inode, 0)
    if current.offset < place.offset:  # emptied by someone
        place = _Place(current.inode, 0)
    data = _whole_lines(path, place.offset)
    places[component] = _Place(current.inode, place.offset + len(data))
    yield from _parsed(component, data)


def _whole_lines(path: Path, start: int) -> bytes:
    """Return what the file has from `start` (bytes) on, up to its last newline."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            data = file.read()
    except FileNotFoundError:
        return b""
    return data[: data.rfind(b"\n") + 1]


def _parsed(component: str, data: bytes) -> Iterator[LogLine]:
    # Not splitlines(): output may hold carriage returns and other characters that it takes for line ends.
    for raw in data.decode("utf-8", "replace").split("\n"):
        line = parse(component, raw)
        if line is not None and line.stream != STARTED:
            yield line
