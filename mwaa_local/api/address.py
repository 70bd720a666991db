"""Where the API of a project, or of a folder of projects, is found: a private folder that its process keeps.

A lock says whether it lives: the kernel releases that of a process that dies, so nothing written here is believed
without it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from mwaa_local import flock
from mwaa_local.files import write_private

FOLDER = "api"  # below the state folder; apart from what is secret, since containers see it for the socket in it
ADDRESS_NAME = "api.json"
LOCK_NAME = "api.lock"
PROBLEM_NAME = "problem.json"
PORT_NAME = "port.json"
SOCKET_NAME = "api.sock"
LOOK_S = 0.2  # somebody who only looks whether the lock is held has it for a moment
HOST = "localhost"  # as clients say it; an address would get `api.` before it


@dataclass(frozen=True)
class Asked:
    """What an API is started for. Another one takes the place of a process that was started for something else."""

    root: str  # the project's folder, or that of the projects
    is_folder: bool = False  # of projects
    port: int = 0  # 0 for a free one
    names: tuple[str, ...] = ()  # by which it may be called, besides this machine's own
    region: str = ""
    version: str = ""  # of this package

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        return cls(**{**plain, "names": tuple(plain["names"])})


@dataclass(frozen=True)
class Address:
    """An API that runs."""

    pid: int
    port: int
    is_detached: bool  # started by another command, and not in front of anybody
    asked: Asked

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


@dataclass(frozen=True)
class Problem:
    """Why an API could not start, as an error of the command line has it."""

    kind: str  # the error's class in `mwaa_local.errors`
    what: str
    why: str = ""
    hint: str = ""


@dataclass(frozen=True)
class ApiFolder:
    """The folder of one API's process."""

    path: Path

    @classmethod
    def of(cls, state_dir: Path) -> Self:
        """Return the folder in a state folder, which may not be there."""
        return cls(state_dir / FOLDER)

    @property
    def socket_path(self) -> Path:
        return self.path / SOCKET_NAME

    @property
    def is_held(self) -> bool:
        """Whether an API lives, answering or about to."""
        try:
            fd = os.open(self.path / LOCK_NAME, os.O_RDONLY)
        except OSError:
            return False
        try:
            return not flock.attempt(fd, shared=True)
        finally:
            os.close(fd)

    @property
    def address(self) -> Address | None:
        """The API that lives and answers; None where there is none."""
        if not self.is_held:
            return None
        plain = _read(self.path / ADDRESS_NAME)
        with contextlib.suppress(KeyError, TypeError):
            return Address(plain["pid"], plain["port"], plain["is_detached"], Asked.from_json(plain["asked"]))
        return None

    @property
    def last_port(self) -> int:
        """The port of the last API, 0 where there was none: addresses that were noted down stay right."""
        port = _read(self.path / PORT_NAME).get("port")
        return port if isinstance(port, int) else 0

    @property
    def problem(self) -> Problem | None:
        """Why the last API that was started could not start; None where it could."""
        plain = _read(self.path / PROBLEM_NAME)
        with contextlib.suppress(TypeError):
            return Problem(**plain) if plain else None
        return None

    def take(self, wait_s: float = LOOK_S) -> int | None:
        """Return a descriptor that holds the lock, for as long as it is open; None where another process lives.

        Raises OSError where the folder cannot be made.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = flock.take(self.path / LOCK_NAME, wait_s)
        if fd is None:
            return None
        (self.path / ADDRESS_NAME).unlink(missing_ok=True)
        self.forget_problem()
        return fd

    def write(self, address: Address) -> None:
        write_private(self.path / PORT_NAME, json.dumps({"port": address.port}))
        write_private(self.path / ADDRESS_NAME, json.dumps(asdict(address)))

    def write_problem(self, problem: Problem) -> None:
        write_private(self.path / PROBLEM_NAME, json.dumps(asdict(problem)))

    def forget_problem(self) -> None:
        (self.path / PROBLEM_NAME).unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        plain = json.loads(path.read_bytes())
        if isinstance(plain, dict):
            return plain
    return {}
