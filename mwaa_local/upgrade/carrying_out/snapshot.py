"""The snapshot that an upgrade takes first, kept and listed as any other of the project."""

from __future__ import annotations

from datetime import UTC, datetime

from mwaa_local.database.dump import write_dump
from mwaa_local.project import Project
from mwaa_local.runtime.databases import Databases
from mwaa_local.secrets import load_secrets
from mwaa_local.upgrade.carrying_out.journal import Journal

FOLDER = "snapshots"  # below the project's state folder


def take(project: Project, databases: Databases, version: str, of: Journal) -> str:
    """Write all rows of the database of that version into a snapshot; return its name."""
    name = snapshot_name(version, of)
    folder = project.state_dir / FOLDER
    folder.mkdir(exist_ok=True, mode=0o700)
    fernet_key = load_secrets(project.state_dir).fernet_key
    with databases.opened(version) as url:
        write_dump(url, folder / f"{name}.dump.gz", airflow_version=version, fernet_key=fernet_key, force=True)
    return name


def snapshot_name(version: str, of: Journal) -> str:
    """Return a name that says what the snapshot is of, and when the upgrade began; a name has no dots."""
    began = datetime.fromtimestamp(of.began, UTC).strftime("%Y-%m-%d-%H%M%S")
    word = "from" if version == of.source else "replaced"
    return f"upgrade-{began}-{word}-{version.replace('.', '-')}"
