"""The contents of plugins.zip or the plugins/ folder, read without extracting, running or trusting any of it.

Names, sizes and links are taken as they stand there; contents come in bounded pieces, so that neither a file that
unpacks to gigabytes nor one that lies about its size does harm. Not for judging any of it: that is `check`.
"""

from __future__ import annotations

import contextlib
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

FILE, FOLDER, LINK, OTHER = "file", "folder", "link", "other"
MAX_LINK_BYTES = 4096  # PATH_MAX of Linux
UNIX = 3  # of ZipInfo.create_system: the upper half of the attributes is then a Unix mode
ENCRYPTED_FLAG = 0x1  # bit 0 of the general purpose flags (PKWARE's APPNOTE.TXT, 4.4.4)
# The other methods' decompressors hand out as much as they like at once.
BOUNDED_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile raises on damaged input. NotImplementedError and RuntimeError are for what it cannot decode.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError)


class PluginsUnreadable(Exception):
    """The plugins cannot be read at all: `rule` names the finding, with reason and advice."""

    def __init__(self, rule: str, what: str, why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.rule, self.what, self.why, self.hint = rule, what, why, hint


class EntryUnreadable(Exception):
    """One file cannot be read; the text says why."""


class EntryDamaged(EntryUnreadable):
    """The zip's data of one file is damaged."""


@dataclass(frozen=True)
class Entry:
    """One thing in the zip or the folder."""

    name: str  # from plugins/ on, with `/` between the parts; as written, so it may be unsafe
    kind: str  # FILE, FOLDER, LINK or OTHER
    size_bytes: int  # as declared
    read: Callable[[int], bytes]  # at most that many bytes of the beginning; raises EntryUnreadable
    link_target: str = ""
    is_encrypted: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in self.name.split("/") if part not in ("", "."))


@dataclass(frozen=True)
class Plugins:
    """All entries, in the order in which they are found."""

    path: Path
    is_zip: bool
    entries: tuple[Entry, ...]


@contextlib.contextmanager
def open_plugins(path: Path) -> Iterator[Plugins]:
    """Open the folder or zip and give its entries, which can be read until this ends.

    Raises PluginsUnreadable when it is neither.
    """
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
        entries = tuple(_walk(path)) if is_folder else ()
        is_file = path.is_file()
    except OSError as error:
        raise PluginsUnreadable("unreadable", "the plugins cannot be read", str(error)) from error
    if is_folder:
        yield Plugins(path, False, entries)
        return
    if not is_file:  # opening a pipe would wait for ever
        raise PluginsUnreadable("not-a-zip", "neither a zip file nor a folder")
    with _open_zip(path) as archive:
        yield Plugins(path, True, tuple(_zip_entry(archive, info) for info in archive.infolist()))


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except PermissionError as error:
        raise PluginsUnreadable("unreadable", "the plugins cannot be read", str(error)) from error
    except ZIP_ERRORS as error:
        raise PluginsUnreadable(
            "not-a-zip",
            "this is not a readable zip file",
            f"{error}. MWAA accepts plugins only as a zip file, and unpacks it when a container starts.",
            "make it again: cd plugins && zip -r ../plugins.zip .",
        ) from error


def _zip_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Entry:
    def read(limit: int) -> bytes:
        if info.compress_type not in BOUNDED_METHODS:
            raise EntryUnreadable("its compression is not deflate")
        try:
            with archive.open(info) as stream:
                return stream.read(limit)
        except ZIP_ERRORS as error:
            raise EntryDamaged(str(error) or type(error).__name__) from error

    mode = info.external_attr >> 16 if info.create_system == UNIX else 0
    is_encrypted = bool(info.flag_bits & ENCRYPTED_FLAG)
    kind = FOLDER if info.orig_filename.endswith("/") else LINK if stat.S_ISLNK(mode) else FILE
    target = ""
    if kind == LINK and not is_encrypted:
        with contextlib.suppress(EntryUnreadable):
            target = os.fsdecode(read(MAX_LINK_BYTES))
    # `orig_filename` is what other programs see; `filename` ends at a NUL.
    return Entry(info.orig_filename, kind, info.file_size, read, target, is_encrypted)


def _walk(root: Path) -> Iterator[Entry]:
    """Yield what is below the folder, links unfollowed; of what may not be listed only the name, as zip would."""
    next(root.iterdir(), None)  # raises where `walk` would find nothing
    for folder, folder_names, file_names in os.walk(root):
        folder_names.sort()
        for name in [*folder_names, *sorted(file_names)]:
            with contextlib.suppress(OSError):  # gone since
                yield _folder_entry(root, Path(folder, name))


def _folder_entry(root: Path, path: Path) -> Entry:
    def read(limit: int) -> bytes:
        try:
            with path.open("rb") as stream:
                return stream.read(limit)
        except OSError as error:
            raise EntryUnreadable(str(error)) from error

    about = path.lstat()
    name = path.relative_to(root).as_posix()
    if stat.S_ISLNK(about.st_mode):
        return Entry(name, LINK, 0, read, str(path.readlink()))
    kind = FOLDER if stat.S_ISDIR(about.st_mode) else FILE if stat.S_ISREG(about.st_mode) else OTHER
    return Entry(name, kind, about.st_size if kind == FILE else 0, read)
