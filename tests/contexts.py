"""What checks stand on, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mwaa_local.check.context import CheckContext
from mwaa_local.environment.environment import Environment
from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import Project
from mwaa_local.release import Release


def check_context(
    project: Project,
    cache_dir: Path,
    base: PythonEnvironment,
    *,
    airflow_version: str = "",
    env: Mapping[str, str] | None = None,
) -> CheckContext:
    """Return the context of a project for one release; by default that of its environment file."""
    environment = Environment.load(project)
    release = Release.load(airflow_version or environment.airflow_version)
    return CheckContext(project, environment, release, env or {}, cache_dir, base)
