"""What a folder or a file of the project is as objects: keys, what tells that one changed, and bytes."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

FOLDER, ZIP, FILE = "folder", "zip", "file"  # kinds of parts
# What Python and a desktop leave behind, as `mwaa-local package-requirements` leaves it out of plugins.zip.
CACHE, LEFT_OUT = "__pycache__", (".DS_Store",)
BYTECODE = (".pyc", ".pyo")
ENTRY_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip knows: the same bytes for the same files
UNIX, MODE_SHIFT = 3, 16  # PKWARE APPNOTE 4.4.2
PROGRAM_MODE, FILE_MODE = stat.S_IFREG | 0o755, stat.S_IFREG | 0o644

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Stamp = tuple[Any, ...]


@dataclass(frozen=True)
class Body:
    """The bytes of an object, which are read only when its stamp is not known yet."""

    stamp: Stamp
    read: Callable[[], bytes]  # raises OSError where the file is gone meanwhile


@dataclass(frozen=True)
class Part:
    """A folder below a prefix, or a file or a folder's zip under a key; `shown` is its path as its user knows it."""

    kind: str
    key: str
    path: str
    shown: str

    def has(self, key: str) -> bool:
        """Say whether an object of that key would be of this part."""
        return key.startswith(self.key) if self.kind == FOLDER else key == self.key

    def bodies(self) -> Iterator[tuple[str, Body]]:
        """Yield what there is, by keys."""
        if self.kind == FOLDER:
            for name, path, about in _files(self.path):
                yield self.key + name, Body(_stamp(about), partial(_read, path))
        elif self.kind == ZIP:
            files = {name: (path, about) for name, path, about in _files(self.path) if not _is_left_out(name)}
            if files:
                stamp = tuple((name, about.st_mode, *_stamp(about)) for name, (_, about) in sorted(files.items()))
                yield self.key, Body(stamp, lambda: _zipped(files))
        else:
            path = Path(self.path)
            try:
                about = path.stat()
            except OSError:
                return
            if stat.S_ISREG(about.st_mode):
                yield self.key, Body(_stamp(about), partial(_read, path.resolve()))


def _files(folder: str) -> Iterator[tuple[str, Path, os.stat_result]]:
    """Yield the files of a folder, by paths without links.

    A link counts as the file that it leads to if that is in the folder, too: nothing from elsewhere is handed out, and
    in a container there is no elsewhere. Folders that links lead to are left out.
    """
    base = os.path.realpath(folder)
    for top, folders, names in os.walk(base):
        folders[:] = [name for name in folders if name != CACHE]
        for name in names:
            path = Path(top, name)
            try:
                relative = path.relative_to(base).as_posix()
                relative.encode()
                about = path.lstat()
                if stat.S_ISLNK(about.st_mode):
                    path = path.resolve(strict=True)
                    about = path.lstat()
            except (OSError, RuntimeError, UnicodeEncodeError):  # no file, or in circles; a name that no key can have
                continue
            if stat.S_ISREG(about.st_mode) and path.is_relative_to(base):
                yield relative, path, about


def _read(path: Path) -> bytes:
    """Read a file that is none of a link's, and no pipe, that has come there meanwhile. Raises OSError."""
    with os.fdopen(os.open(path, READ), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FileNotFoundError(path)
        return file.read()


def _is_left_out(name: str) -> bool:
    return name.rpartition("/")[2] in LEFT_OUT or name.endswith(BYTECODE)


def _stamp(about: os.stat_result) -> Stamp:
    return about.st_ino, about.st_mtime_ns, about.st_size


def _zipped(files: Mapping[str, tuple[Path, os.stat_result]]) -> bytes:
    """Return a zip, not compressed: one zlib does not give the same bytes as another."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, (path, about) in sorted(files.items()):
            entry = zipfile.ZipInfo(name, ENTRY_TIME)
            entry.create_system = UNIX
            entry.external_attr = (PROGRAM_MODE if about.st_mode & stat.S_IXUSR else FILE_MODE) << MODE_SHIFT
            archive.writestr(entry, _read(path))
    return content.getvalue()
