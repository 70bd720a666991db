"""Where an observer is found, and what it is for: a private folder that its process keeps.

A lock says whether it lives: the kernel releases that of a process that dies. The file of what is asked for says
whether there is to be one.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mwaa_local import flock
from mwaa_local.files import write_private
from mwaa_local.project import Project

FOLDER = "observer"  # below the state folder
LOCK_NAME = "observer.lock"
ASKED_NAME = "observer.json"
LOG_NAME, OUTPUT_NAME = "observer.log", "observer.out"  # below the project's logs
LOOK_S = 0.2  # somebody who only looks whether the lock is held has it for a moment


@dataclass(frozen=True)
class ObserverFolder:
    """The folder of one environment's observer."""

    path: Path

    @classmethod
    def of(cls, project: Project) -> Self:
        """Return the folder of a project, which may not be there."""
        return cls(project.state_dir / FOLDER)

    @property
    def is_wanted(self) -> bool:
        return (self.path / ASKED_NAME).exists()

    @property
    def asked(self) -> dict[str, Any] | None:
        """What was asked for last; None where nothing is, or nobody can read it any more."""
        with contextlib.suppress(OSError, ValueError):
            plain = json.loads((self.path / ASKED_NAME).read_bytes())
            if isinstance(plain, dict):
                return plain
        return None

    def ask(self, plain: dict[str, Any]) -> None:
        write_private(self.path / ASKED_NAME, json.dumps(plain))

    def forget(self) -> None:
        """Want none any more."""
        (self.path / ASKED_NAME).unlink(missing_ok=True)

    @property
    def pid(self) -> int | None:
        """The process of the observer that lives; None where none does."""
        try:
            fd = os.open(self.path / LOCK_NAME, os.O_RDONLY)
        except OSError:
            return None
        try:
            if flock.attempt(fd, shared=True):
                return None
            with contextlib.suppress(ValueError):
                return int(os.read(fd, 32)) or None
            return None
        finally:
            os.close(fd)

    def take(self, wait_s: float = LOOK_S) -> int | None:
        """Return a descriptor that holds the lock for as long as it is open; None where another observer lives on."""
        if not self.path.is_dir():
            return None
        fd = flock.take(self.path / LOCK_NAME, wait_s)
        if fd is not None:
            os.ftruncate(fd, 0)
            os.write(fd, b"%d" % os.getpid())
        return fd
