"""The artefact folder: component logs, task logs of the runs, and the report in every format. No secret is in it."""

from __future__ import annotations

import os
from pathlib import Path

from mwaa_local.errors import cannot_write
from mwaa_local.masking import Mask
from mwaa_local.project import Project
from mwaa_local.smoke.result import SmokeReport

JSON_NAME, JUNIT_NAME, TEXT_NAME = "smoke.json", "smoke.xml", "smoke.txt"


def collect_logs(folder: Path, project: Project, report: SmokeReport, mask: Mask) -> None:
    """Copy component logs and the task logs of the report's runs. Raises DiskFull or AccessDenied."""
    logs_dir = project.airflow_home_dir / "logs"
    run_ids = {run.run_id for run in report.runs if run.run_id}
    for path in _files(project.logs_dir):
        _copy(path, folder / "components" / path.relative_to(project.logs_dir), mask)
    paths = {project.root_dir / task.log_path for run in report.runs for task in run.tasks if task.log_path}
    for path in _files(logs_dir):
        name = path.relative_to(logs_dir)
        if path in paths or any(f"run_id={run_id}" in name.parts for run_id in run_ids):
            _copy(path, folder / "tasks" / _portable(name), mask)


def require_writable(path: Path, *, is_folder: bool = False) -> None:
    """Make the folders that the file, or the folder, is to be in, and raise AccessDenied where it could not be written.

    Before a smoke run rather than after it, when what could not be written would be lost.
    """
    folder = path if is_folder else path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    place = path if path.exists() else folder
    if not os.access(place, os.W_OK | os.X_OK if place.is_dir() else os.W_OK):
        raise cannot_write(path, PermissionError(f"{place} may not be written to"))


def write(path: Path, text: str) -> None:
    """Write a file of ours that others may read. Raises DiskFull or AccessDenied."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise cannot_write(path, error) from error


def append(path: Path, text: str) -> None:
    """Write to the end of somebody's file. Raises DiskFull or AccessDenied."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise cannot_write(path, error) from error


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _portable(name: Path) -> Path:
    """Return a path without the characters that artefact stores refuse."""
    return Path(
        *("".join("-" if character in ':"<>|*?\r\n' else character for character in part) for part in name.parts)
    )


def _copy(source: Path, target: Path, mask: Mask) -> None:
    try:
        content = mask.content(source.read_bytes())
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    except FileNotFoundError:  # rotated meanwhile
        return
    except OSError as error:
        raise cannot_write(target, error) from error
