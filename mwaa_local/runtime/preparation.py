"""What both runtimes prepare alike: the project's own folders, and what of it changes a plan."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.remarks import Remark

AWS_FILE = "aws.json"


@dataclass(frozen=True)
class Prepared:
    """A plan, and what was learnt on the way to it."""

    plan: Plan
    remarks: tuple[Remark, ...]
    home_dir: str


def make_state_dirs(project: Project) -> None:
    """Make `.mwaa-local/`, private and ignored by git, with the folders that steps expect."""
    project.make_state_dir()
    for folder in (project.logs_dir, project.airflow_home_dir, project.airflow_home_dir / "logs"):
        folder.mkdir(parents=True, exist_ok=True)
    for name in project.mwaa_folders:
        folder = project.airflow_home_dir / name
        if not folder.is_symlink():
            folder.mkdir(exist_ok=True)
    project.run_dir.mkdir(exist_ok=True, mode=0o700)


def folder_identities(project: Project) -> dict[str, str]:
    """Return which folder stands for each of MWAA's: one that was made anew is another, and must be shown anew."""
    found = {}
    for name, folder in project.mwaa_folders.items():
        if folder.is_dir():
            about = folder.stat()
            found[name] = f"{about.st_dev}:{about.st_ino}"
    return found


def tree_version(folder: Path) -> str:
    """Return what changes when a file below the folder is added, removed or written; bytecode does not count."""
    parts = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            about = path.stat()
            parts.append(f"{path.relative_to(folder)}:{about.st_size}:{about.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12] if parts else ""
