"""What a door is told: a JSON file that the launcher writes, private because of the keys in it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

OPEN, MWAA = "open", "mwaa"  # of `Local: {Login: …}`


@dataclass(frozen=True)
class CommandServer:
    """How an Airflow command is run beside the web server: a file of its own, since it changes without the door."""

    socket: str  # path of its Unix socket
    argv: tuple[str, ...] = ()  # what starts it; nothing where it runs already, as in the web server's container
    env: dict[str, str] = field(default_factory=dict, repr=False)
    cwd: str = "/"

    @classmethod
    def read(cls, path: Path) -> CommandServer:
        plain: dict[str, Any] = json.loads(path.read_bytes())
        return cls(**{**plain, "argv": tuple(plain.get("argv", ()))})

    def write(self) -> str:
        """Return the text of its file."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class DoorConfiguration:
    """One environment's door."""

    environment: str
    version: str  # of Airflow
    generation: str  # of the release: "local-runner", "2.x" or "3.x"
    rest_base: str
    listens: tuple[str, int]
    upstream: tuple[str, int]  # the web server
    origins: tuple[str, ...]  # of other sites whose pages may ask for anything, as http://localhost:3000
    names: tuple[str, ...]  # by which it is reached, besides loopback addresses and *.localhost
    login: str
    keys: dict[str, str] = field(repr=False)  # "door" signs our tokens, "jwt" those of Airflow 3
    used_tokens: str  # path
    commands: str  # path of a CommandServer
    allowed: tuple[str, ...]  # Airflow commands that MWAA runs for this release, as "dags list"
    certificate: str = ""  # path of a PEM file: private key, certificate, issuer; "" for http

    @classmethod
    def read(cls, path: Path) -> DoorConfiguration:
        plain: dict[str, Any] = json.loads(path.read_bytes())
        pairs = {name: (plain[name][0], int(plain[name][1])) for name in ("listens", "upstream")}
        lists = {name: tuple(plain[name]) for name in ("names", "origins", "allowed")}
        return cls(**{**plain, **pairs, **lists})
