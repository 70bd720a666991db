"""Which objects can be files of the DAGs folder, and under which names. Pure.

An object's key is any text; a file's path is not. What cannot be one is left out and told of, never changed into
something else: two keys would become one file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MAX_NAME_BYTES, MAX_PATH_BYTES = 255, 4000  # of Linux: NAME_MAX; PATH_MAX less the folder's own path
FILE_AND_FOLDER = "other objects are below it, so it would be file and folder at once"
CACHE = "__pycache__"  # Python makes it anew: a copy of another machine's would only be overwritten


@dataclass(frozen=True)
class Item:
    """One object: its newest version."""

    key: str
    etag: str  # without quotes
    size: int  # bytes
    version: str = ""


@dataclass(frozen=True)
class Skipped:
    """An object that can be no file, and why."""

    key: str
    why: str


def below(path: str) -> str:
    """Return the prefix of what is below a path such as DagS3Path; "" for the whole bucket."""
    return f"{path.strip('/')}/" if path.strip("/") else ""


def as_files(items: Iterable[Item], prefix: str) -> tuple[dict[str, Item], list[Skipped]]:
    """Return the objects below a prefix by their paths in the folder, and those that cannot be there.

    Objects that stand for folders, whose keys end with a slash, are neither: folders come with their files.
    """
    files: dict[str, Item] = {}
    skipped: list[Skipped] = []
    for item in items:
        name = item.key.removeprefix(prefix)
        if not item.key.startswith(prefix) or name.endswith("/") or not name or CACHE in name.split("/"):
            continue
        why = _why_not(name)
        if why:
            skipped.append(Skipped(item.key, why))
        else:
            files[name] = item
    folders = {parent for name in files for parent in parents(name)}
    for name in sorted(files.keys() & folders):
        skipped.append(Skipped(files.pop(name).key, FILE_AND_FOLDER))
    return files, skipped


def parents(name: str) -> list[str]:
    """Return the folders above a path, the nearest first, without the one that everything is in."""
    parts = name.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _why_not(name: str) -> str:
    parts = name.split("/")
    if any(part in (".", "..") for part in parts):
        return "it would lead to another folder"
    if "" in parts:
        return "its path has an empty part"
    if "\0" in name:
        return "no file can have its name"
    try:
        size = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:
        return "no file can have its name"
    if max(size) > MAX_NAME_BYTES or sum(size) + len(parts) > MAX_PATH_BYTES:
        return "its name is too long for a file"
    return ""
