"""What the launcher is to tell of the local AWS: `up` and `status` read it from a file beside what is kept."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from ..answers import SAID

NAME = "remarks.json"
WARNING = "warning"  # as mwaa_local.finding has it


class Remarks:
    """Remarks by what they are about: a later one takes the place of the former."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / NAME if folder else None
        self._told: dict[str, dict[str, str]] = {}

    def tell(self, about: str, what: str, why: str = "", hint: str = "") -> None:
        """Tell it, in the log, too."""
        remark = {"severity": WARNING, "what": what, "why": why, "hint": hint}
        if self._told.get(about) == remark:
            return
        self._told[about] = remark
        sys.stdout.write(f"{SAID}{what}\n{SAID}{why}\n" if why else f"{SAID}{what}\n")
        sys.stdout.flush()
        self.write()

    def forget(self, about: str) -> None:
        if self._told.pop(about, None) is not None:
            self.write()

    def forget_all(self) -> None:
        self._told.clear()
        self.write()

    def write(self) -> None:
        """Put them into the file, in the place of those of a former start."""
        if self._path is None:
            return
        part = self._path.with_name(self._path.name + ".part")
        try:
            part.unlink(missing_ok=True)
            fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                json.dump(list(self._told.values()), file)
            part.replace(self._path)
        except OSError:  # a full disk: the log has it
            part.unlink(missing_ok=True)
