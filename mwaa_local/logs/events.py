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
)
# A line's own time at its beginning: `[2026-11-30T09:24:08.002+0000]` on 2.x, `2026-11-30T09:24:08.002657Z` on 3.x.
TIME_IN_TEXT = re.compile(r"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)\]?")


@dataclass(frozen=True)
class LogEvent:
    """What somebody logged: `time_ms` since the epoch, `level` one of LEVELS."""

    stream: str
    time_ms: int
    message: str
    level: str = "INFO"


def level_of(text: str) -> str | None:
    """Return the level that a line names; None where it goes on what another began."""
    if text.startswith("{"):
        return NAMES.get(str(_json(text).get("level", "")).lower())
    found = LEVEL_IN_TEXT.search(text)
    name = next((name for name in found.groups() if name), "") if found else ""
    return NAMES.get(name.lower())


def time_of(text: str) -> int | None:
    """Return the time that a line begins with, in milliseconds; None for one without."""
    if text.startswith("{"):
        return _milliseconds(str(_json(text).get("timestamp", "")))
    found = TIME_IN_TEXT.match(text)
    return _milliseconds(found[1].replace(",", ".")) if found else None


def is_as_severe(level: str, threshold: str) -> bool:
    """Say whether a level is the threshold or above it."""
    return LEVELS.index(level) >= LEVELS.index(threshold)


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
