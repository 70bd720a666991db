"""Remarks: what the user should know although the environment starts. Kept on disk so that `status` repeats them.

Not findings (`finding`), though of the same severities: a remark is about a part of a start, not about a place in a
file, and no rule of a stable name stands behind it that could be explained, ignored or compared. Its fields are what
`remarks` shows in the JSON of `up`, `status` and `smoke`, and what older versions have left on disk.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mwaa_local.files import write_private
from mwaa_local.finding import ERROR, NOTE, WARNING

__all__ = ["ERROR", "NOTE", "WARNING", "Remark", "load_remarks", "remarks_time", "save_remarks"]

REMARKS_NAME = "remarks.json"


@dataclass(frozen=True)
class Remark:
    """One remark. Notes say what is normal and are shown only when asked for details."""

    severity: str  # ERROR, WARNING or NOTE
    subject: str  # "requirements", "startup script", "options", "python", "paths", "project", "environment file"
    what: str
    why: str = ""
    hint: str = ""


def save_remarks(run_dir: Path, remarks: Sequence[Remark]) -> None:
    write_private(run_dir / REMARKS_NAME, json.dumps([asdict(remark) for remark in remarks]))


def remarks_time(run_dir: Path) -> float | None:
    """Return when the last `up` saved its remarks, in epoch seconds; None where there was none."""
    try:
        return (run_dir / REMARKS_NAME).stat().st_mtime
    except OSError:
        return None


def load_remarks(run_dir: Path) -> list[Remark]:
    """Return the remarks of the last `up`; none when there was none or the file cannot be understood."""
    try:
        return [Remark(**plain) for plain in json.loads((run_dir / REMARKS_NAME).read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []
