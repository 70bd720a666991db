"""An AWS that keeps what it holds in a folder: started, stopped and killed there, again and again."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mwaa_local.runtime.ports import free_port
from tests.environments import wait_until
from tests.integration.aws_endpoint import Endpoint, endpoint

STOP_TIMEOUT_S = 30.0
SAVED_TIMEOUT_S = 60.0


@dataclass
class Kept:
    """A folder in which an AWS keeps what it holds, and the AWS."""

    folder: Path
    port: int = field(default_factory=free_port)  # in the URLs of queues

    @property
    def state(self) -> Path:
        return self.folder / "aws"

    @property
    def log(self) -> str:
        return (self.folder / "aws.log").read_text()

    def remarks(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads((self.state / "remarks.json").read_text())
        return found

    @contextmanager
    def running(self, fixtures: Mapping[str, Any] | None = None) -> Iterator[Endpoint]:
        with endpoint(self.folder, fixtures, state=self.state, port=self.port) as aws:
            yield aws

    def saved(self) -> int:
        """Return which copy is there."""
        try:
            return (self.state / "kept" / "state").stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def wait_for_copy(self, before: int) -> None:
        wait_until(lambda: self.saved() != before, SAVED_TIMEOUT_S, "another copy")


def stop(aws: Endpoint) -> int:
    aws.process.send_signal(signal.SIGTERM)
    return aws.process.wait(STOP_TIMEOUT_S)


def kill(aws: Endpoint) -> None:
    aws.process.kill()
    aws.process.wait()
