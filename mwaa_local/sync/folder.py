"""The DAGs folder: looked at, and changed file by file, never outside of it and never through a link.

Every step goes from an open folder to the next one by name (openat), so that a link that somebody puts there meanwhile
is met, not followed. A file is written elsewhere on the same disk and moved into its place whole: Airflow takes any
name that ends with .py, and any zip file whatever its name, for a DAG.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from mwaa_local.errors import MwaaLocalError, disk_error
from mwaa_local.sync.names import CACHE, parents
from mwaa_local.sync.plan import Delete, Get, Seen, Stamp

FOLDER_MODE = 0o755  # components in containers may be another user
INTO = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
PIECE_BYTES = 1 << 20
READ_HINT = "see to the disk that it is on, and try again"
NOT_THERE = (FileNotFoundError, NotADirectoryError)


class FolderUnusable(MwaaLocalError):
    """The DAGs folder cannot be one that is synced."""


class DagsFolder:
    """The folder, open for one sync. `with` closes it."""

    def __init__(self, path: Path) -> None:
        """Open it; it is made where it is not there. Raises FolderUnusable and DiskFull."""
        self.path = path
        try:
            path.mkdir(mode=FOLDER_MODE, exist_ok=True)
            self._fd = os.open(path, INTO)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EEXIST):
                raise disk_error(error, path) from error
            why = "It is a link or a file, and a bucket is synced into a plain folder only."
            raise FolderUnusable(f"cannot sync into {path}", why, f"remove {path}") from error

    def __enter__(self) -> DagsFolder:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def look(self) -> Seen:
        """Return what is in it, without what Python keeps there. Raises FolderUnusable and AccessDenied."""
        files: dict[str, Stamp] = {}
        folders: dict[str, Stamp] = {}
        others, closed = set[str](), set[str]()
        waiting = [""]
        while waiting:
            name = waiting.pop()
            try:
                inside, stamp = self._inside(name)
            except PermissionError as error:
                if not name:
                    named = PermissionError(error.errno, error.strerror, str(self.path))
                    raise disk_error(named, self.path) from error
                closed.add(name)
                continue
            except OSError as error:
                raise FolderUnusable(f"cannot read {self.path / name}", str(error), READ_HINT) from error
            if stamp is not None:
                folders[name] = stamp
            for path, about in inside:
                if stat.S_ISREG(about.st_mode):
                    files[path] = _stamp(about)
                elif stat.S_ISDIR(about.st_mode):
                    waiting.append(path)
                else:
                    others.add(path)
        return Seen(files, folders, frozenset(others), frozenset(closed))

    def _inside(self, name: str) -> tuple[list[tuple[str, os.stat_result]], Stamp | None]:
        """Return what is in a folder in it, and its stamp; None for one that is gone. Raises OSError."""
        with self._opened(name) as fd:
            if fd is None:
                return [], None
            stamp = _stamp(os.fstat(fd))  # before: what comes meanwhile makes it another one
            return list(_entries(fd, name)), stamp

    def digest(self, name: str) -> str:
        """Return the MD5 of a file, as S3's ETag of a plain object has it; "" for what cannot be read as a file."""
        with contextlib.suppress(OSError), self._opened(_above(name)) as folder:
            if folder is None:
                return ""
            with os.fdopen(os.open(_last(name), READ, dir_fd=folder), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return ""
                return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        return ""

    def put(self, staged: Path, get: Get) -> Stamp | None:
        """Move a whole file to its place; return its stamp, None where something else has come there meanwhile."""
        with self._made(_above(get.name)) as folder:
            if folder is None or _stamp_at(folder, _last(get.name)) != get.replaced:
                return None
            try:
                os.rename(staged, _last(get.name), dst_dir_fd=folder)
            except (IsADirectoryError, *NOT_THERE):
                return None
            return _stamp_at(folder, _last(get.name))

    def delete(self, delete: Delete) -> bool:
        """Remove a file that is as it was seen, and folders that are empty then; return whether it is gone."""
        with self._opened(_above(delete.name)) as folder:
            if folder is None:
                return True
            if _stamp_at(folder, _last(delete.name)) != delete.stamp:
                return False
            os.unlink(_last(delete.name), dir_fd=folder)
        with contextlib.suppress(OSError):  # the file is gone, and an empty folder is no harm
            for name in parents(delete.name):
                if not self._remove_empty(name):
                    break
        return True

    def _remove_empty(self, name: str) -> bool:
        """Remove a folder that is empty but for Python's cache."""
        with self._opened(name) as fd:
            if fd is None:
                return True
            with os.scandir(fd) as entries:
                inside = [entry.name for entry in entries]
            if inside == [CACHE]:
                shutil.rmtree(CACHE, dir_fd=fd, ignore_errors=True)
            elif inside:
                return False
        with self._opened(_above(name)) as above, contextlib.suppress(OSError):
            if above is not None:
                os.rmdir(_last(name), dir_fd=above)
                return True
        return False

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[int | None]:
        """Open a folder in it; None where there is none by that path that is no link."""
        with contextlib.ExitStack() as opened:
            yield self._walk(name, opened, make=False)

    @contextlib.contextmanager
    def _made(self, name: str) -> Iterator[int | None]:
        """Open a folder in it, and make those that are missing."""
        with contextlib.ExitStack() as opened:
            yield self._walk(name, opened, make=True)

    def _walk(self, name: str, opened: contextlib.ExitStack, *, make: bool) -> int | None:
        fd = self._fd
        for part in name.split("/") if name else ():
            is_new = make and _mkdir(part, fd)
            try:
                fd = os.open(part, INTO, dir_fd=fd)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                    return None
                raise
            opened.callback(os.close, fd)
            if is_new:
                os.fchmod(fd, FOLDER_MODE)  # whatever the umask
        return fd


def _mkdir(name: str, folder: int) -> bool:
    try:
        os.mkdir(name, FOLDER_MODE, dir_fd=folder)
    except FileExistsError:
        return False
    return True


def _entries(fd: int, name: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(fd) as entries:
        for entry in entries:
            if entry.name != CACHE:
                with contextlib.suppress(FileNotFoundError):  # gone meanwhile
                    yield f"{name}/{entry.name}" if name else entry.name, entry.stat(follow_symlinks=False)


def _stamp(about: os.stat_result) -> Stamp:
    return Stamp(about.st_ino, about.st_mtime_ns, about.st_size)


def _stamp_at(folder: int, name: str) -> Stamp | None:
    """Return the stamp of a file in an open folder; None where nothing is."""
    try:
        return _stamp(os.stat(name, dir_fd=folder, follow_symlinks=False))
    except FileNotFoundError:
        return None


def _above(name: str) -> str:
    return name.rpartition("/")[0]


def _last(name: str) -> str:
    return name.rpartition("/")[2]
