"""What a door is told: a JSON file that the launcher writes, private because of the keys in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OPEN, MWAA = "open", "mwaa"  # of `Local: {Login: …}`


@dataclass(frozen=True)
class CliServer:
    """How an Airflow command is run beside the web server."""

    socket: str  # path of its Unix socket
    argv: tuple[str, ...] = ()  # what starts it; nothing where it runs already, as in the web server's container
    env: dict[str, str] = field(default_factory=dict, repr=False)
    cwd: str = "/"
    commands: tuple[str, ...] = ()  # those that MWAA lets through for this release, as "dags list"


@dataclass(frozen=True)
class DoorConfiguration:
    """One environment's door."""

    environment: str
    version: str  # of Airflow
    generation: str  # of the release: "local-runner", "2.x" or "3.x"
    rest_base: str
    listens: tuple[str, int]
    upstream: tuple[str, int]  # the web server
    names: tuple[str, ...]  # by which it is reached, besides loopback addresses and *.localhost
    login: str
    keys: dict[str, str] = field(repr=False)  # "door" signs tokens
    used_tokens: str  # path
    cli: CliServer

    @classmethod
    def read(cls, path: Path) -> DoorConfiguration:
        plain: dict[str, Any] = json.loads(path.read_bytes())
        cli = {name: tuple(value) if isinstance(value, list) else value for name, value in plain.pop("cli").items()}
        pairs = {name: (plain[name][0], int(plain[name][1])) for name in ("listens", "upstream")}
        return cls(**{**plain, **pairs, "names": tuple(plain["names"]), "cli": CliServer(**cli)})
