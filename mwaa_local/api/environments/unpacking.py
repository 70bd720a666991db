"""plugins.zip unpacked: all of it or nothing, and nothing outside of its folder.

The archive comes out of a bucket, so it may be anybody's. Names, links and sizes are those that `check plugins` reads,
and contents come in bounded pieces: neither an archive that lies about its sizes nor one of gigabytes of nothing does
harm.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from mwaa_local.check.plugins.files import BOUNDED_METHODS, ENCRYPTED_FLAG, UNIX, ZIP_ERRORS
from mwaa_local.errors import disk_error
from mwaa_local.files import remove_tree
from mwaa_local.sync.reading import BucketUnreadable

# MWAA advises to stay below 1 GB (user guide, "Installing custom plugins"); its containers have 20 GB of disk.
MAX_UNPACKED_BYTES = 4 * 10**9
MAX_ENTRIES = 200_000
MAX_NAME_BYTES, MAX_PATH_BYTES = 255, 4000  # of Linux: NAME_MAX; PATH_MAX less the folder's own path
PIECE_BYTES = 1 << 20
MODE_SHIFT = 16  # of a mode of Unix in a zip
EXECUTABLE_MODE, FILE_MODE = 0o755, 0o644
PACK_ANEW = "pack it anew: cd plugins && zip -r ../plugins.zip ."


def unpack(archive: Path, folder: Path, place: str) -> None:
    """Unpack into a folder that need not exist; executable files stay so, as on MWAA. `place` is the archive's name.

    Raises BucketUnreadable, with no folder left, for what is no zip, is damaged or encrypted, leads out of the folder,
    has links, the same name twice, or unpacks to more than `MAX_UNPACKED_BYTES`.
    """
    try:
        with _opened(archive) as content:
            entries = content.infolist()
            _judge(entries, place)
            folder.mkdir(parents=True, exist_ok=True)
            left = MAX_UNPACKED_BYTES
            for entry in entries:
                left -= _write(content, entry, folder, left, place)
    except _Damaged as error:
        remove_tree(folder, ignore_errors=True)
        raise _refused(place, "is not a zip file that can be unpacked", str(error)) from error
    except BucketUnreadable:
        remove_tree(folder, ignore_errors=True)
        raise
    except OSError as error:
        raise disk_error(error, folder) from error


class _Damaged(Exception):
    """The archive cannot be read; not what is written of it."""


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except ZIP_ERRORS as error:  # an OSError, too: of a place that is before the file's beginning
        raise _Damaged(str(error) or type(error).__name__) from error


def _refused(place: str, what: str, why: str) -> BucketUnreadable:
    return BucketUnreadable(f"{place} {what}", f"{why}. Nothing of it was unpacked.", PACK_ANEW)


def _judge(entries: list[zipfile.ZipInfo], place: str) -> None:
    """Look at all that the archive says of itself, before anything is written. Raises BucketUnreadable."""
    if len(entries) > MAX_ENTRIES:
        raise _refused(place, "has too many entries", f"There are {len(entries)}, and {MAX_ENTRIES} may be")
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise _too_large(place)
    files: set[tuple[str, ...]] = set()
    folders: set[tuple[str, ...]] = set()
    for entry in entries:
        parts = _parts(entry, place)
        if not entry.is_dir() and (parts in files or parts in folders):
            raise _refused(place, "has a name twice", f"It is {'/'.join(parts)}")
        (folders if entry.is_dir() else files).add(parts)
        folders.update(parts[:number] for number in range(1, len(parts)))
    both = files & folders
    if both:
        name = "/".join(min(both))
        raise _refused(place, "has a file where it has a folder, too", f"It is {name}")


def _parts(entry: zipfile.ZipInfo, place: str) -> tuple[str, ...]:
    """Return the parts of an entry's path. Raises BucketUnreadable for an entry that cannot be had."""
    # `orig_filename` is what other programs see; `filename` ends at a NUL.
    name = entry.orig_filename
    shown = ascii(name)
    if name.startswith("/") or ".." in re.split(r"[/\\]", name):
        raise _refused(place, "has an entry outside of the plugins folder", f"It is named {shown}")
    if "\0" in name:
        raise _refused(place, "has a name that no file can have", f"It is {shown}")
    if "\\" in name:
        raise _refused(place, "has names with backslashes for folders", f"One is {shown}; zip files have / there")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if len(name.encode()) > MAX_PATH_BYTES or any(len(part.encode()) > MAX_NAME_BYTES for part in parts):
        raise _refused(place, "has a name that is too long", f"It begins with {shown[:100]}")
    if not parts and not entry.is_dir():
        raise _refused(place, "has a file without a name", f"Its name is {shown}")
    mode = _mode(entry)
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        kind = "a link" if stat.S_ISLNK(mode) else "neither a file nor a folder"
        raise _refused(place, "has an entry that may lead anywhere", f"{shown} is {kind}")
    if entry.flag_bits & ENCRYPTED_FLAG:
        raise _refused(place, "is encrypted", f"{shown} needs a password")
    if entry.compress_type not in BOUNDED_METHODS:
        raise _refused(place, "is packed in a way that unzip need not know", f"{shown} is not packed by deflate")
    return parts


def _mode(entry: zipfile.ZipInfo) -> int:
    return entry.external_attr >> MODE_SHIFT if entry.create_system == UNIX else 0


def _too_large(place: str) -> BucketUnreadable:
    return _refused(
        place,
        "unpacks to too much",
        f"It would take more than {MAX_UNPACKED_BYTES // 10**9} GB; MWAA advises below 1 GB",
    )


def _write(content: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, left: int, place: str) -> int:
    """Write one entry; return its bytes. Raises BucketUnreadable where it has more than are left."""
    target = folder.joinpath(*_parts(entry, place))
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = EXECUTABLE_MODE if _mode(entry) & stat.S_IXUSR else FILE_MODE
    written = 0
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(fd, "wb") as file:
        for piece in _pieces(content, entry):
            written += len(piece)
            if written > left:
                raise _too_large(place)
            file.write(piece)
        os.fchmod(file.fileno(), mode)  # whatever the umask
    return written


def _pieces(content: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with contextlib.closing(content.open(entry)) as stream:
            while piece := stream.read(PIECE_BYTES):
                yield piece
    except ZIP_ERRORS as error:
        raise _Damaged(str(error) or type(error).__name__) from error
