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
    state: str  # the folder where what is held is kept; "" where nothing is
    state_key: str = field(repr=False)  # with which it is signed
    iam: str  # the folder of the package's room `iam`, which this program shares
    calls: str  # the folder where it is noted what tasks call; "" where it is not
    enforced: dict[str, str]  # environment -> ARN of the execution role whose policies its tasks' calls must have
    source: dict[str, Any]  # the source bucket that the project's folders stand for, as `mirror` has it; {} without one
    fixtures: dict[str, Any] = field(repr=False)  # as aws_fixtures.Fixtures.to_json returns them

    @classmethod
    def read(cls, path: Path) -> AwsConfiguration:
        plain: dict[str, Any] = json.loads(path.read_bytes())
        host, port = plain["listens"]
        return cls(**{**plain, "listens": (host, int(port)), "names": tuple(plain["names"])})
