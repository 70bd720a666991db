"""The snapshot that an upgrade takes first: one of the project's, listed and restored as any other."""

from __future__ import annotations

from datetime import UTC, datetime

from mwaa_local.database.progress import Tell, to_nobody
from mwaa_local.database.snapshots import Snapshots
from mwaa_local.project import Project
from mwaa_local.runtime.databases import Databases
from mwaa_local.secrets import load_secrets
from mwaa_local.upgrade.carrying_out.journal import Journal


def take(project: Project, databases: Databases, version: str, of: Journal, tell: Tell = to_nobody) -> str:
    """Keep all rows of the database of that version; return the snapshot's name."""
    snapshots = Snapshots(project)
    began = datetime.fromtimestamp(of.began, UTC)
    word = "from" if version == of.source else "replaced"
    name = snapshots.free_name(f"upgrade-{word}-{version.replace('.', '-')}-", began)
    fernet_key = load_secrets(project.state_dir).fernet_key
    with databases.opened(version) as url:
        return snapshots.take(name, url, airflow_version=version, fernet_key=fernet_key, tell=tell).name
