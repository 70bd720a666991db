"""What the local AWS is told: a JSON file that the launcher writes, private because of the values in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class AwsConfiguration:
    """One project's local AWS."""

    listens: tuple[str, int]
    names: tuple[str, ...]  # by which it is reached, besides loopback addresses and *.localhost
    control_plane: str  # path of the Unix socket of what answers for MWAA itself
    fixtures: dict[str, Any] = field(repr=False)  # as aws_fixtures.Fixtures.to_json returns them
    start_argv: tuple[str, ...] = ()  # what starts it where it has ended; nothing in a container
    start_env: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, path: Path) -> AwsConfiguration:
        plain: dict[str, Any] = json.loads(path.read_bytes())
        host, port = plain["listens"]
        lists = {name: tuple(plain.get(name, ())) for name in ("names", "start_argv")}
        return cls(**{**plain, **lists, "listens": (host, int(port))})
