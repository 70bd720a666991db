"""The artefact folder: component logs, task logs of the runs, and the report in every format. No secret is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from mwaa_local.errors import AccessDenied, MwaaLocalError, disk_error
from mwaa_local.project import Project
from mwaa_local.secrets import SECRETS_NAME
from mwaa_local.smoke.result import SmokeReport

MASK = b"***"
JSON_NAME, JUNIT_NAME, TEXT_NAME = "smoke.json", "smoke.xml", "smoke.txt"
SHORTEST_SECRET = 8  # characters; ours have more, and a short word would be masked where it is none


def collect_logs(folder: Path, project: Project, report: SmokeReport) -> None:
    """Copy component logs and the task logs of the report's runs. Raises DiskFull or AccessDenied."""
    logs_dir = project.airflow_home_dir / "logs"
    run_ids = {run.run_id for run in report.runs if run.run_id}
    secrets = secrets_of(project)
    for path in _files(project.logs_dir):
        _copy(path, folder / "components" / path.relative_to(project.logs_dir), secrets)
    paths = {project.root_dir / task.log_path for run in report.runs for task in run.tasks if task.log_path}
    for path in _files(logs_dir):
        name = path.relative_to(logs_dir)
        if path in paths or any(f"run_id={run_id}" in name.parts for run_id in run_ids):
            _copy(path, folder / "tasks" / _portable(name), secrets)


def write(path: Path, text: str) -> None:
    """Write a file of ours that others may read. Raises DiskFull or AccessDenied."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> MwaaLocalError:
    known = disk_error(error, path.parent)
    if isinstance(known, MwaaLocalError):
        return known
    return AccessDenied(f"cannot write {path}", str(error), "name another place")


def secrets_of(project: Project) -> tuple[bytes, ...]:
    """Return the keys and passwords that were made for this project, as they could stand in a log."""
    try:
        plain = json.loads((project.state_dir / SECRETS_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    return tuple(text.encode() for text in _texts(plain) if len(text) >= SHORTEST_SECRET)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _portable(name: Path) -> Path:
    """Return a path without the characters that artefact stores refuse."""
    return Path(
        *("".join("-" if character in ':"<>|*?\r\n' else character for character in part) for part in name.parts)
    )


def _copy(source: Path, target: Path, secrets: tuple[bytes, ...]) -> None:
    try:
        content = source.read_bytes()
        for secret in secrets:
            content = content.replace(secret, MASK)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    except FileNotFoundError:  # rotated meanwhile
        return
    except OSError as error:
        raise _cannot_write(target, error) from error
