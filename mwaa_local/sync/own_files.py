"""What came from a bucket, removed when its environment is."""

from __future__ import annotations

import contextlib

from mwaa_local.project import Project
from mwaa_local.sync.folder import DagsFolder, FolderUnusable
from mwaa_local.sync.names import Skipped
from mwaa_local.sync.plan import make_plan
from mwaa_local.sync.state import SyncState


def remove_synced(project: Project) -> None:
    """Remove the DAG files that are as they came from the bucket, and folders that are empty then."""
    state = SyncState(project)
    if state.source is None or not project.dags_dir.exists():
        return
    nothing: tuple[Skipped, ...] = ()
    with state.locked(), contextlib.suppress(FolderUnusable), DagsFolder(project.dags_dir) as folder:
        for delete in make_plan({}, nothing, state.load(), folder.look(), folder.digest).deletes:
            with contextlib.suppress(PermissionError):  # one that is not ours to remove any more stays
                folder.delete(delete)
