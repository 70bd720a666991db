"""What processes of the launcher itself have to say, as a component's log file, which `mwaa-local logs` reads."""

from __future__ import annotations

import logging
from pathlib import Path

from mwaa_local.runtime.logfile import LogFile


class _LinesToFile(logging.Handler):
    """Writes records into a component's log file, line by line."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = LogFile(path)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            for line in self.format(record).splitlines():
                self._file.write("err", line)
        except OSError:  # a full disk must not end whoever has something to say
            self.handleError(record)


def log_to(path: Path) -> None:
    """Have warnings and errors of this process written there."""
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    root.addHandler(_LinesToFile(path))
