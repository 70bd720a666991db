"""Files of our own: written private and whole, read without trust."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mwaa_local.errors import StateCorrupted, disk_error

PRIVATE_FILE_MODE = 0o600


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, whole or not at all. Raises DiskFull when there is no room."""
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.unlink(missing_ok=True)  # a mode given at creation does not change that of a file a crash left
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE_MODE)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(path)
    except OSError as error:
        raise disk_error(error, path.parent) from error


def read_json(path: Path, what: str, hint: str) -> Mapping[str, Any]:
    """Return the mapping in a JSON file of ours. Raises StateCorrupted when it holds anything else."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StateCorrupted(f"{what} cannot be read: {path}", str(error), hint) from error
    if not isinstance(plain, dict):
        raise StateCorrupted(f"{what} is not what was written: {path}", "It holds no JSON object.", hint)
    return plain
