"""ContainerState: what Airflow finds in its container once the startup script has run there.

Every check that imports the project's code begins with one: the variables that the script exported, the files that it
left in the Airflow home, and the packages that it installed. They are those of one trial (`trial`), on disk as long as
that is.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.errors import disk_error
from mwaa_local.files import remove_tree, swap
from mwaa_local.packages import PackageStore, PythonEnvironment, link_or_copy
from mwaa_local.startup.failed_commands import FailedCommand

# How an overlay notes that a folder replaces the one below it, as root and without (Linux, filesystems/overlayfs.rst).
_OPAQUE_ATTRIBUTES = ("trusted.overlay.opaque", "user.overlay.opaque")
_OPAQUE = b"y"
NEW_SUFFIX = ".new"  # of a folder that is to take the place of another


@dataclass(frozen=True)
class ContainerState:
    """The state of one component's container. Without a script it is empty.

    `layer_dir` is the upper layer of an overlay over the release's packages, `changed` a copy of them that the script
    could change instead; neither where it could change none.
    """

    exports: Mapping[str, str] = field(default_factory=dict, repr=False)
    home_dir: Path | None = None
    layer_dir: Path | None = None
    changed: PythonEnvironment | None = None
    failed_here: tuple[FailedCommand, ...] = ()  # of the script, for what only this machine lacks

    @property
    def changes_packages(self) -> bool:
        """Whether the script may have installed, changed or removed packages."""
        return self.changed is not None or (self.layer_dir is not None and any(_files(self.layer_dir)))

    def packages(self, store: PackageStore, base: PythonEnvironment, target_dir: Path) -> PythonEnvironment:
        """Return the release's packages as the script left them: the base itself, or a copy in `target_dir`."""
        if not self.changes_packages:
            return base
        return self.clone_packages(store, base, target_dir)

    def clone_packages(self, store: PackageStore, base: PythonEnvironment, target_dir: Path) -> PythonEnvironment:
        """Return a copy of them that may be changed. Raises DiskFull."""
        copy = store.clone(self.changed or base, target_dir)
        if self.layer_dir is not None:
            put_over(self.layer_dir, target_dir)
        return copy


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if "__pycache__" not in path.parts and not path.is_dir())


def put_all_over(layer_dirs: Sequence[Path], target_dir: Path) -> None:
    """Do to a folder what several layers say, the last one last: at once, and not at all if this is interrupted.

    Programs may be running from it. Raises DiskFull when there is no room.
    """
    layer_dirs = [folder for folder in layer_dirs if any(_files(folder))]
    if not layer_dirs:
        return
    new_dir = target_dir.with_name(f"{target_dir.name}{NEW_SUFFIX}")
    try:
        remove_tree(new_dir)
        shutil.copytree(target_dir, new_dir, symlinks=True, copy_function=link_or_copy)
        for folder in layer_dirs:
            _put_over(folder, new_dir)
        swap(new_dir, target_dir)
    except OSError as error:
        raise disk_error(error, target_dir) from error
    finally:
        remove_tree(new_dir, ignore_errors=True)


def put_over(layer_dir: Path, target_dir: Path) -> None:
    """Do to a copy of the lower layer what the upper one of an overlay says. Raises DiskFull when there is no room."""
    try:
        _put_over(layer_dir, target_dir)
    except OSError as error:
        raise disk_error(error, target_dir) from error


def _put_over(layer_dir: Path, target_dir: Path) -> None:
    for entry in os.scandir(layer_dir):
        source, target = Path(entry.path), target_dir / entry.name
        about = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(about.st_mode):
            if _is_opaque(source) or target.is_symlink() or not target.is_dir():
                _remove(target)
            target.mkdir(exist_ok=True)
            _put_over(source, target)
            continue
        _remove(target)  # also since a hard link must not be written to
        if not (stat.S_ISCHR(about.st_mode) and about.st_rdev == 0):  # the mark of what was removed
            shutil.copy2(source, target, follow_symlinks=False)


def _is_opaque(folder: Path) -> bool:
    for name in _OPAQUE_ATTRIBUTES:
        try:
            if os.getxattr(folder, name) == _OPAQUE:
                return True
        except OSError:
            continue
    return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
