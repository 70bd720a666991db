"""Files and folders of our own: written private and whole, read without trust, removed whatever their modes.

`write_private` is for what a crash may take back; `whole_file` and `write_surely` are for what has to be on the disk.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from mwaa_local import flock
from mwaa_local.errors import StateCorrupted, disk_error

PRIVATE_FILE_MODE = 0o600
PART_SUFFIX = ".mwaa-local-part"  # of hidden files that are not whole
_PART = re.compile(rf"\.[0-9a-f]{{32}}{re.escape(PART_SUFFIX)}")
# How a file system says that a folder cannot be brought to the disk by itself, or that we may not open it for that.
_NO_SYNC_OF_FOLDERS = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, whole or not at all. Raises DiskFull when there is no room."""
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.unlink(missing_ok=True)  # a mode given at creation does not change that of a file a crash left
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE_MODE)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(path)
    except OSError as error:
        raise disk_error(_as_named(error, part, path), path.parent) from error


def write_changed(path: Path, text: str) -> None:
    """Write such a file unless it is there with that text: whoever sees it goes on seeing the same file."""
    with contextlib.suppress(OSError, ValueError):
        if path.read_text(encoding="utf-8") == text:
            return
    write_private(path, text)


@contextlib.contextmanager
def whole_file(path: Path, *, mode: int = PRIVATE_FILE_MODE, replaces: bool = True) -> Iterator[IO[bytes]]:
    """Give a file to write that has its name, and its mode, only when all of it is on the disk. Until then it is ours.

    Whatever is raised meanwhile leaves nothing, and what was there before as it was. Who is killed leaves a part, which
    the next file that is written so into that folder removes. Raises DiskFull and AccessDenied; FileExistsError where
    the name is taken and nothing is to be replaced.
    """
    part = None
    try:
        remove_parts(path.parent)
        part, fd = _new_part(path.parent)
        try:
            with os.fdopen(fd, "wb") as file:
                yield file
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
                _give_name(part, path, replaces=replaces)  # while it is locked: else somebody could remove it
        finally:
            part.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise disk_error(_as_named(error, part, path), path.parent) from error


def write_surely(path: Path, content: bytes, mode: int = PRIVATE_FILE_MODE) -> None:
    """Replace a file in one step, with all of it on the disk first. Raises DiskFull or AccessDenied."""
    with whole_file(path, mode=mode) as file:
        file.write(content)


def _as_named(error: OSError, part: Path | None, path: Path) -> OSError:
    """Return the error with a name that whoever reads it knows, in the place of that of a part, which is hidden."""
    name = str(error.filename or "")
    if name != str(part) and not name.endswith(PART_SUFFIX):
        return error
    return OSError(error.errno, error.strerror, str(error.filename2 or path.parent))


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the file system can. Raises OSError."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno not in _NO_SYNC_OF_FOLDERS:
            raise


def remove_parts(folder: Path) -> None:
    """Remove what is left in a folder of files whose writers were killed; what is being written stays."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in list(entries):
            if _PART.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_if_left(Path(entry.path))


def _remove_if_left(part: Path) -> None:
    with contextlib.suppress(OSError):  # another user's, gone meanwhile, or on a file system without locks
        # To be written, which it is not: NFS gives its exclusive locks on nothing else.
        fd = os.open(part, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if flock.attempt(fd):
                part.unlink(missing_ok=True)
        finally:
            os.close(fd)


def _new_part(folder: Path) -> tuple[Path, int]:
    """Make a file and hold its lock, by which what is being written is told from what was left; return both."""
    while True:
        part = folder / f".{uuid4().hex}{PART_SUFFIX}"
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE_MODE)
        if _is_locked(fd) and os.fstat(fd).st_nlink:
            return part, fd
        os.close(fd)  # between the two, somebody took it for one that was left, and removes it


def _is_locked(fd: int) -> bool:
    try:
        return flock.attempt(fd)
    except OSError:  # a file system without locks: nobody removes anything there
        return True


def _give_name(part: Path, path: Path, *, replaces: bool) -> None:
    """Have a whole file under its name, which somebody else may have taken meanwhile. Raises FileExistsError."""
    if not replaces:
        try:
            os.link(part, path)
            return
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if path.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
    part.replace(path)


def make_private(folder: Path) -> Path:
    """Make a folder that only this user can look into, and return it; one that is there stays. Raises DiskFull."""
    try:
        folder.mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise disk_error(error, folder) from error
    return folder


def remove_tree(path: Path, *, ignore_errors: bool = False) -> None:
    """Remove a folder or file with all that is in it, also what tools have made read-only, as Go does.

    Links are never followed, and files that have other names stay as they are. Raises OSError, unless as much is to be
    removed as can be.
    """
    try:
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
            return
        _open_folders(path)
        shutil.rmtree(path, ignore_errors=ignore_errors)
    except OSError:
        if not ignore_errors:
            raise


def _open_folders(folder: Path) -> None:
    """Let this user list and change a folder of its own and all below. Another user's stays as it is."""
    with contextlib.suppress(OSError):  # another user's, or gone meanwhile
        mode = folder.stat(follow_symlinks=False).st_mode
        if mode & stat.S_IRWXU != stat.S_IRWXU:  # of folders alone: files are shared by their other names
            folder.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)
        with os.scandir(folder) as entries:
            below = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
        for path in below:
            _open_folders(path)


def swap(one: Path, other: Path) -> None:
    """Let two folders of one disk change names: in one step where the system can, so that none is ever missing."""
    if _exchange(one, other):
        return
    aside = one.with_name(f"{one.name}.{uuid4().hex}")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def _exchange(one: Path, other: Path) -> bool:
    import ctypes  # most commands swap nothing

    rename = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    return rename is not None and rename(AT_FDCWD, bytes(one), AT_FDCWD, bytes(other), RENAME_EXCHANGE) == 0


def read_json(path: Path, what: str, hint: str) -> Mapping[str, Any]:
    """Return the mapping in a JSON file of ours. Raises StateCorrupted when it holds anything else."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StateCorrupted(f"{what} cannot be read: {path}", str(error), hint) from error
    if not isinstance(plain, dict):
        raise StateCorrupted(f"{what} is not what was written: {path}", "It holds no JSON object.", hint)
    return plain
