"""One component's output on disk: every line with its time and stream, rotated by size.

A line is `2026-11-21T12:03:44.123456+00:00 out text`. Written by the supervisor, read by `logs` and by error messages.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from mwaa_local.runtime import LogLine

MAX_BYTES = 20 * 1024 * 1024  # one file and one older one are kept, so a component never takes more than twice this
TAIL_LINES = 20  # of a failed component's output, in its error
TAIL_READ_BYTES = 64 * 1024
FOLLOW_PAUSE_S = 0.1


class LogFile:
    """Appends lines to `<logs_dir>/<component>.log`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def write(self, stream: str, text: str) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a", encoding="utf-8", errors="replace", buffering=1)
        self._file.write(f"{datetime.now(UTC).isoformat(timespec='microseconds')} {stream} {text}\n")
        if self._file.tell() > MAX_BYTES:
            self.close()
            self.path.replace(self.path.with_suffix(".log.1"))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def parse(component: str, line: str) -> LogLine | None:
    """Return the line as a value, or None for a line that was cut off by a crash."""
    parts = line.rstrip("\n").split(" ", 2)
    if len(parts) < 2:
        return None
    try:
        when = datetime.fromisoformat(parts[0]).timestamp()
    except ValueError:
        return None
    return LogLine(component, parts[1], parts[2] if len(parts) > 2 else "", when)


def tail(path: Path, lines: int = TAIL_LINES) -> list[str]:
    """Return the texts of the last lines, without time and stream; nothing when there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL_READ_BYTES))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    parsed = (parse("", line) for line in text.splitlines())
    return [line.text for line in parsed if line is not None][-lines:]


def read(paths: dict[str, Path], *, follow: bool, from_end: bool = False) -> Iterator[LogLine]:
    """Yield the lines of several components ordered by time; with `follow`, wait for more for ever.

    `from_end` leaves out what is there already.
    """
    positions = {name: path.stat().st_size for name, path in paths.items() if from_end and path.exists()}
    while True:
        batch: list[LogLine] = []
        for component, path in paths.items():
            batch.extend(_new_lines(component, path, positions))
        yield from sorted(batch, key=lambda line: line.time)
        if not follow:
            return
        time.sleep(FOLLOW_PAUSE_S)


def _new_lines(component: str, path: Path, positions: dict[str, int]) -> Iterator[LogLine]:
    try:
        size = path.stat().st_size
        start = positions.get(component, 0)
        if size < start:  # rotated
            start = 0
        if size == start:
            return
        with path.open("rb") as file:
            file.seek(start)
            data = file.read()
    except FileNotFoundError:
        return
    whole = data.rfind(b"\n") + 1
    positions[component] = start + whole
    for raw in data[:whole].decode("utf-8", "replace").splitlines():
        line = parse(component, raw)
        if line is not None:
            yield line
