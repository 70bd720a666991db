"""What every check and trial stands on: one project as it is now, one release, the caller's shell, the packages.

It holds no `Steps`, since each part of a run reports its own progress. It does not serve checks of several releases, or
before there are packages: the requirements check has its own parameters. The module stands below those that try
something out (`startup.trial`, `sandbox`), so that they can take the context too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.configuration.configuration import Configuration
from mwaa_local.configuration.local_values import LocalValues
from mwaa_local.environment.environment import Environment
from mwaa_local.packages import PackageStore, PythonEnvironment
from mwaa_local.project import Project
from mwaa_local.release import Release


@dataclass(frozen=True)
class CheckContext:
    """What is checked, and with what. `env` is the caller's shell, `base` the release's own packages.

    It can be sent to another process.
    """

    project: Project
    environment: Environment
    release: Release
    env: Mapping[str, str] = field(repr=False)
    cache_dir: Path
    base: PythonEnvironment

    @property
    def store(self) -> PackageStore:
        """The package sets, to copy one of them."""
        return PackageStore(self.cache_dir, self.env)

    @property
    def folders(self) -> dict[str, Path]:
        """The project's existing folders, by their names in MWAA's home."""
        return self.project.delivery.present

    @property
    def home_map(self) -> dict[str, Path]:
        """What a requirements file means by paths in MWAA's home."""
        return self.project.delivery.by_seen_path

    def configuration(self, values: LocalValues, home_dir: str) -> Configuration:
        """Return who sets which variable of a component that has its Airflow home there."""
        return Configuration(self.project, self.environment, self.release, values, home_dir, self.env)
