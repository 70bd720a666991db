"""Releases with which MWAA runs no startup script, and what is said where a project has one all the same."""

from __future__ import annotations

from collections.abc import Iterator

from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.remarks import WARNING, Remark

WHY = "What it exports and installs is not there, on MWAA and here alike."
HINT = (
    "put packages into the requirements file, and variables into AirflowConfigurationOptions: app.team is "
    "AIRFLOW__APP__TEAM for your code"
)


def not_run(release: Release) -> str:
    """Return that MWAA runs none with the release; "" where it does."""
    return "" if release.startup_script else f"MWAA runs no startup script with Airflow {release.airflow_version}"


def script_remarks(project: Project, release: Release) -> Iterator[Remark]:
    """Yield that the project's script is not run."""
    path = project.startup_script_path
    if path.is_file() and (what := not_run(release)):
        name = path.relative_to(project.root_dir).as_posix()
        yield Remark(WARNING, "startup script", f"{name} is not run: {what}", WHY, HINT)
