"""Arguments of the check commands, validated before anything is checked: the file, the releases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mwaa_local.errors import FileMissing

if TYPE_CHECKING:
    from mwaa_local.release import Release
    from mwaa_local.workspace import Workspace


def releases_of(workspace: Workspace, named: Sequence[str], *, every: bool = False) -> list[Release]:
    """Return every release, or the named ones (commas allowed), or else the project's own.

    Raises ReleaseUnknown.
    """
    from mwaa_local.release import Release

    if every:
        return list(Release.all())
    versions = [version.strip() for item in named for version in item.split(",") if version.strip()]
    releases = [Release.load(version) for version in dict.fromkeys(versions)]
    return releases or [workspace.release(workspace.environment())]


def existing(path: Path) -> Path:
    """Return a path that can be read. Raises FileMissing for any other."""
    if not path.exists():
        raise FileMissing(f"there is no {path}", "This is the file to check.", "name the file to check")
    if not (path.is_file() or path.is_dir()):  # a pipe would be waited for without end
        raise FileMissing(f"{path} is no file", "It is a pipe, a socket or a device.", "name a file")
    return path
