"""What is to run, and for whom: what a start is told. Values alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mwaa_local.delivery import Delivery
from mwaa_local.project import Project
from mwaa_local.remarks import Remark

if TYPE_CHECKING:  # most commands start nothing, and should not pay for pydantic
    from mwaa_local.environment.environment import Environment
    from mwaa_local.release import Release


@dataclass(frozen=True)
class Wanted:
    """What is to run, and for whom. `env` is the caller's environment, `remarks` what is known already."""

    project: Project
    environment: Environment
    release: Release
    env: Mapping[str, str]
    cache_dir: Path
    webserver_port: int | None = None  # instead of the environment file's; 0 for a free one
    remarks: tuple[Remark, ...] = ()
    graceful: bool = False  # workers that run leave when their tasks are done, and others take their place
    delivered: Delivery | None = None  # instead of the project's own folders

    @property
    def delivery(self) -> Delivery:
        """What components see below MWAA's home."""
        return self.delivered or self.project.delivery
