"""Task logs: where a try's log is, and its last lines as people read them.

Airflow 2 writes plain lines, Airflow 3 a JSON object a line, which is shown as `time level event` with its traceback.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mwaa_local.check.showing import shown
from mwaa_local.database.metadata import UNMAPPED, TaskRow
from mwaa_local.errors import QUOTED
from mwaa_local.masking import Mask
from mwaa_local.project import Project

LOG_LINES = 20
READ_BYTES = 256 * 1024  # of a log's end; more than LOG_LINES lines with tracebacks ever take
LOG_LINE_CHARACTERS = 2000
# A frame of a traceback in the user's own files, as both generations of Airflow name the folder.
FRAME = re.compile(r'File "(?:[^"]*/)?((?:dags|plugins)/[^"]+)", line (\d+)')

# What Airflow says whenever a task was ended by SIGKILL, without knowing why: 3, and 2.
KILLED = re.compile(r"Likely out of memory error|was killed before it finished \(likely due to running out of memory\)")
AIRFLOW_FRAME = re.compile(r'  File "[^"]*/site-packages/airflow/')
SOURCE_INDENT = "    "  # of the line of code below a frame


def log_path(logs_dir: Path, row: TaskRow, logical_date: str) -> Path | None:
    """Return the log of the task instance's newest try, or None when there is none.

    Source: `logging.log_filename_template` of Airflow 2.3 and later, and of releases before that.
    """
    folder = logs_dir / f"dag_id={row.dag_id}" / f"run_id={row.run_id}" / f"task_id={row.task_id}"
    if row.map_index != UNMAPPED:
        folder = folder / f"map_index={row.map_index}"
    older = logs_dir / row.dag_id / row.task_id / logical_date
    found = [path for place in (folder, older) if place.is_dir() and place != logs_dir for path in place.glob("*.log")]
    tries = {_number(path): path for path in found if _number(path)}
    return tries[max(tries)] if tries else None


def _number(path: Path) -> int:
    digits = path.stem.removeprefix("attempt=")
    return int(digits) if digits.isdigit() else 0


def last_lines(path: Path, mask: Mask, count: int = LOG_LINES) -> tuple[str, ...]:
    """Return the last lines of a task log, for people, masked and safe to show; nothing when it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - READ_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ()
    lines = [line for raw in text.splitlines() for line in _readable(raw)]
    return tuple(shown(mask.text(line))[:LOG_LINE_CHARACTERS] for line in list(_without_airflow(lines))[-count:])


def told_log(project: Project, row: TaskRow, logical_date: str, mask: Mask) -> str:
    """Return the end of a task's log and where all of it is, for an error; "" where it has none."""
    path = log_path(project.airflow_home_dir / "logs", row, logical_date)
    if path is None:
        return ""
    shown_path, lines = path.relative_to(project.root_dir), last_lines(path, mask)
    if not lines:
        return f"The log of {row.name} is empty: {shown_path}"
    return "\n".join((f"Log of {row.name}: {shown_path}", *(f"{QUOTED}{line}" for line in lines)))


def was_killed(lines: tuple[str, ...]) -> bool:
    """Say whether the log of a task ends with its being killed by SIGKILL."""
    return any(KILLED.search(line) for line in lines)


def place_of_failure(lines: tuple[str, ...]) -> tuple[str, int]:
    """Return (path, line) of the innermost frame in the user's files; ("", 0) where the lines name none."""
    found = FRAME.findall("\n".join(lines))
    return (found[-1][0], int(found[-1][1])) if found else ("", 0)


def _without_airflow(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines without the frames of Airflow's own code, which stand before the user's in every traceback."""
    is_left_out = False
    for line in lines:
        if AIRFLOW_FRAME.match(line):
            is_left_out = True
        elif not (is_left_out and line.startswith(SOURCE_INDENT)):
            is_left_out = False
            yield line


def _readable(raw: str) -> Iterator[str]:
    try:
        record = json.loads(raw)
    except ValueError:
        record = None
    if not isinstance(record, dict) or "event" not in record:
        yield raw
        return
    event = str(record["event"])
    if not event.startswith(("::group::", "::endgroup::")):
        time = str(record.get("timestamp", ""))[:19].replace("T", " ")
        yield from f"{time} {str(record.get('level', '')).upper():<7} {event}".splitlines()
    for error in record.get("error_detail") or []:
        if isinstance(error, Mapping):
            yield from _traceback(error)


def _traceback(error: Mapping[str, Any]) -> Iterator[str]:
    yield "Traceback (most recent call last):"
    for frame in error.get("frames") or []:
        yield f'  File "{frame.get("filename")}", line {frame.get("lineno")}, in {frame.get("name")}'
    yield from f"{error.get('exc_type')}: {error.get('exc_value')}".splitlines()
