"""The files: one line for each minute, in a file for each day, and what holds now. Private, and whole lines only."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from pathlib import Path
from typing import Any

DAYS_KEPT = 7  # files of older days are removed
MINUTE_S = 60
NOW_NAME = "now.json"
DAY_NAME = re.compile(r"(minutes|figures)-\d{4}-\d{2}-\d{2}\.jsonl")
PRIVATE = 0o600
DAY_S = 24 * 3600


def minute_of(now: float) -> int:
    """Return the second with which the minute began, of Unix time."""
    return int(now) // MINUTE_S * MINUTE_S


def day_name(when: float) -> str:
    return time.strftime("minutes-%Y-%m-%d.jsonl", time.gmtime(when))


def _day_of(name: str) -> str:
    return name.partition("-")[2]


class Files:
    """The folder in which they are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, minute: int, values: dict[str, Any]) -> None:
        """Add the line of a minute in one step. What a crash or a full disk left of a line before stays alone."""
        line = json.dumps({"minute": minute, **values}, separators=(",", ":")).encode() + b"\n"
        fd = os.open(str(self._folder / day_name(minute)), os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE)
        try:
            size = os.fstat(fd).st_size
            if size and os.pread(fd, 1, size - 1) != b"\n":
                line = b"\n" + line
            os.write(fd, line)
        finally:
            os.close(fd)

    def write_now(self, values: dict[str, Any]) -> None:
        """Write what holds now, whole or not at all."""
        part = self._folder / (NOW_NAME + ".part")
        fd = os.open(str(part), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            json.dump(values, file, separators=(",", ":"))
        part.replace(self._folder / NOW_NAME)

    def prune(self, now: float) -> None:
        """Remove the days that are not kept any more; of other files none."""
        oldest = _day_of(day_name(now - DAYS_KEPT * DAY_S))
        for path in self._folder.iterdir():
            if DAY_NAME.fullmatch(path.name) and _day_of(path.name) < oldest:
                with contextlib.suppress(OSError):  # it is tried again tomorrow
                    path.unlink()
