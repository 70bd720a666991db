"""One log event as CloudWatch has it, and how lines of Airflow's logs become events. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")  # of LoggingConfiguration, in order (API reference)
MILLISECONDS = 1000
NAMES = {"warn": "WARNING", "exception": "ERROR", "fatal": "CRITICAL", "notset": "DEBUG"} | {
    level.lower(): level for level in LEVELS
}
# Where the formatters of Airflow and Celery put a level: `[info     ]` (3.x), `} INFO - ` (2.x and earlier),
# `: WARNING/MainProcess]` (Celery), `[INFO] - ` (startup script and requirements on MWAA).
LEVEL_IN_TEXT = re.compile(
    r"\[(?P<a>\w+) *\] |(?:\} |^)(?P<b>[A-Z]+) - |: (?P<c>[A-Z]+)/[\w-]+\] |^\[[^\]]*\] \[\d+\] \[(?P<d>\w+)\]"
    r"|^(?P<e>[A-Z]+):\s"
)
# A line's own time at its beginning: `[2026-11-30T09:24:08.002+0000]` on 2.x, `2026-11-30T09:24:08.002657Z` on 3.x.
TIME_IN_TEXT = re.compile(r"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)\]?")
# What stands behind the time in a line of Airflow's: other lines that begin with a time are what somebody printed.
FILE_IN_TEXT = re.compile(r"\s*\{[^{}]+:\d+\}")
JSON_LEVEL = re.compile(r'(?<!\\)"level":\s*"(\w+)"')
JSON_TIME = re.compile(r'(?<!\\)"timestamp":\s*"([^"]+)"')


@dataclass(frozen=True)
class LogEvent:
    """What somebody logged: `time_ms` since the epoch, `level` one of LEVELS."""

    stream: str
    time_ms: int
    message: str
    level: str = "INFO"
    is_always: bool = False  # whatever the level of its group is

    def is_let_through(self, threshold: str) -> bool:
        """Say whether a group of that level gets it."""
        return self.is_always or LEVELS.index(self.level) >= LEVELS.index(threshold)


@dataclass(frozen=True)
class Said:
    """What a line says of itself: None for what it does not, as one that goes on with the line before."""

    level: str | None
    time_ms: int | None

    @property
    def goes_on(self) -> bool:
        return self.level is None and self.time_ms is None


def said(text: str) -> Said:
    """Return the level that a line names and the time that it begins with."""
    if text.startswith("{"):
        found = _json(text)
        if found:
            level = NAMES.get(str(found.get("level", "")).lower())
            return Said(level, _milliseconds(str(found.get("timestamp", ""))))
        torn = _said_by_beginning(text)
        if not torn.goes_on:
            return torn
    level, time = level_in(text), TIME_IN_TEXT.match(text)
    is_own = time and (level or FILE_IN_TEXT.match(text, time.end()))
    return Said(level, time_in(text) if is_own else None)


def _said_by_beginning(text: str) -> Said:
    """Return what a line of JSON says that has no end: structlog writes time and level first."""
    level, time = JSON_LEVEL.search(text), JSON_TIME.search(text)
    return Said(NAMES.get(level[1].lower()) if level else None, _milliseconds(time[1]) if time else None)


def level_in(text: str) -> str | None:
    """Return the level that a line of text names."""
    found = LEVEL_IN_TEXT.search(text)
    name = next((name for name in found.groups() if name), "") if found else ""
    return NAMES.get(name.lower())


def time_in(text: str) -> int | None:
    """Return the time that a line of text begins with, in milliseconds; one without a zone is taken for UTC's."""
    found = TIME_IN_TEXT.match(text)
    return _milliseconds(found[1].replace(",", ".")) if found else None


def _json(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _milliseconds(text: str) -> int | None:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * MILLISECONDS)
