"""plugins.zip: the user's plugins and the wheels beside them, the same bytes for the same input."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from mwaa_local.check.plugins.survey import BYTECODE_FOLDER, BYTECODE_SUFFIXES, MACOS_FILE
from mwaa_local.errors import MwaaLocalError

# Everything that could differ from one run or machine to another is fixed.
ENTRY_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip knows
UNIX = 3  # the system whose file modes a zip holds (PKWARE APPNOTE 4.4.2)
MODE_SHIFT = 16
PROGRAM_MODE, FILE_MODE = stat.S_IFREG | 0o755, stat.S_IFREG | 0o644


class EntryRefused(MwaaLocalError):
    """A link or a file in the plugins folder cannot be packed."""

    exit_code = 1


def plugin_files(plugins_dir: Path) -> dict[str, Path]:
    """Return {name in the zip: file} of a plugins folder, without bytecode and .DS_Store; nothing for no folder.

    What a symbolic link within the folder leads to is packed in its place.

    Raises EntryRefused for a link that leads out of the folder, in a circle, or nowhere.
    """
    return dict(_walk(plugins_dir, plugins_dir, "")) if plugins_dir.is_dir() else {}


def write_zip(path: Path, files: Mapping[str, Path]) -> None:
    """Write the zip in one step: whoever reads it meanwhile has the old one or the new one.

    Nothing is compressed: wheels are already, and one zlib does not give the same bytes as another.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(files):
                _add(archive, name, files[name])
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    status = path.stat()
    entry = zipfile.ZipInfo(name, ENTRY_TIME)
    entry.create_system = UNIX
    entry.external_attr = (PROGRAM_MODE if status.st_mode & stat.S_IXUSR else FILE_MODE) << MODE_SHIFT
    entry.file_size = status.st_size  # decides whether the entry needs the form for files above 4 GB
    with path.open("rb") as source, archive.open(entry, "w") as target:
        shutil.copyfileobj(source, target)


def _walk(folder: Path, top_dir: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        _refuse_bad_name(path)
        if path.name in (BYTECODE_FOLDER, MACOS_FILE) or path.name.endswith(BYTECODE_SUFFIXES):
            continue
        if path.is_symlink():
            _refuse_bad_link(path, top_dir)
        if path.is_dir():
            yield from _walk(path, top_dir, f"{prefix}{path.name}/")
        elif path.is_file():
            yield f"{prefix}{path.name}", path


def _refuse_bad_name(path: Path) -> None:
    try:
        path.name.encode()
    except UnicodeEncodeError as error:
        shown = path.name.encode(errors="surrogateescape").decode(errors="backslashreplace")
        raise EntryRefused(
            f"{path.parent}/{shown} has a name that is not UTF-8",
            "A zip can hold no such name; MWAA's own tools could not read it.",
            "rename or remove the file",
        ) from error


def _refuse_bad_link(path: Path, top_dir: Path) -> None:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: Python 3.11 and 3.12 on a link to itself
        raise EntryRefused(
            f"{path} is a symbolic link that leads nowhere", str(error), "remove the link, or make what it names"
        ) from error
    if not target.is_relative_to(top_dir.resolve()):
        raise EntryRefused(
            f"{path} is a symbolic link that leads out of the plugins folder",
            f"It leads to {target}, which may not be meant for upload.",
            "put a copy of the file into the folder",
        )
    if path.parent.resolve().is_relative_to(target):
        raise EntryRefused(
            f"{path} is a symbolic link to a folder that it is in",
            "It would never end.",
            "remove the link",
        )
