"""The execution roles of environments that MWAA's API made while this runs, as the launcher notes them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

NAME = "roles.json"  # mwaa_local/services/calls.py writes it


class MadeRoles:
    """Environment -> ARN of its role; read anew when it was written."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._stamp = (0, 0)
        self._roles: dict[str, str] = {}

    def of(self, environment: str) -> str:
        """Return the role; "" where the API made no such environment."""
        with contextlib.suppress(OSError, ValueError):  # none was made yet
            about = self._path.stat()
            stamp = (about.st_ino, about.st_mtime_ns)
            if stamp != self._stamp:
                self._roles = dict(json.loads(self._path.read_text(encoding="utf-8")))
                self._stamp = stamp
        return self._roles.get(environment, "")
