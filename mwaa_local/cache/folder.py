"""The cache folder: what in it is ours, and how one entry is removed as a whole.

An entry is first renamed, under the lock under which uses are recorded; its files are removed after that, and the next
prune finishes an interrupted one.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.cache import disk, keys, locks, users
from mwaa_local.cache.item import Item
from mwaa_local.cache.kept import CacheKind, is_file, is_folder
from mwaa_local.cache.users import ProjectUse, Users
from mwaa_local.files import remove_tree

REMOVING = "removing"  # what was taken away already
_REMOVING_NAME = re.compile(r"[0-9a-f]{16}")
_RANDOM_BYTES = 8
# Earlier versions had one lock for all patch releases of an Airflow.
_OLD_LOCK = re.compile(r"\d+\.\d+\.lock")
IN_USE = "another mwaa-local command uses or builds it now"
OF_ANOTHER_USER = "it belongs to another user"
PS_TIMEOUT_S = 10.0


def _to_nobody(_what: str) -> None:
    pass


@dataclass
class _Group:
    """The files and folders of one item, before anything is decided."""

    kept: CacheKind
    name: str
    release: str
    paths: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Listing:
    """What the folder holds; `foreign` are names of what is not ours, or not known to be."""

    items: tuple[Item, ...]
    foreign: tuple[str, ...]


class CacheFolder:
    """One cache folder and the kinds of entries in it."""

    def __init__(self, cache_dir: Path, kinds: Sequence[CacheKind]) -> None:
        self.dir = cache_dir
        self.users = Users(cache_dir)
        self._kinds = kinds

    def look(
        self,
        projects: Sequence[ProjectUse],
        usage: disk.Usage | None = None,
        tell: Callable[[str], None] = _to_nobody,
    ) -> Listing:
        """Return what is there. Sizes are measured where `usage` is given, which takes a while; `tell` hears it."""
        groups: dict[tuple[str, str], _Group] = {}
        foreign = []
        for path, kept in self._entries():
            if kept is None:
                foreign.append(str(path.relative_to(self.dir)))
                continue
            name, release = kept.match(path.name) or ("", "")
            groups.setdefault((kept.kind, name), _Group(kept, name, release)).paths.append(path)
        since = self.users.since
        times = {key: _last_used(group.paths, since) for key, group in groups.items()}
        items = []
        for number, (key, group) in enumerate(groups.items(), 1):
            tell(f"{number} of {len(groups)}: {group.kept.kind} {group.name}")
            main = (group.kept.goes_with or group.kept.kind, group.name)
            found = [time for time in (times[key], times.get(main)) if time is not None]
            # What was never finished is used by nobody, though somebody wanted to.
            leftover = group.kept.is_leftover or not any(map(group.kept.is_whole, group.paths))
            used_by = [] if leftover else [use for use in projects if use.exists and use.has(*main)]
            items.append(
                Item(
                    kind=group.kept.kind,
                    name=group.name,
                    release=group.release,
                    size_bytes=usage.add(group.paths) if usage else None,
                    last_used=max(found, default=None),
                    used_by=tuple(str(use.dir) for use in used_by),
                    kept_because=_why_untouchable(group.paths, thorough=usage is not None),
                    is_leftover=leftover,
                    paths=tuple(group.paths),
                )
            )
        return Listing(tuple(items), tuple(foreign))

    def _entries(self) -> Iterator[tuple[Path, CacheKind | None]]:
        """Yield every entry with its kind, None for what is not ours; nothing of what is ours but no item."""
        for name in sorted({kept.folder for kept in self._kinds}):
            folder = self.dir / name
            if not is_folder(folder) and (name or not folder.is_dir()):  # the cache folder itself may be a link
                continue
            for path in sorted(folder.iterdir()):
                if not name and self._is_known_folder(path):
                    continue
                kept = next((kept for kept in self._kinds_in(name) if self._is_ours(kept, path)), None)
                if kept is not None or not self._is_lock(path, name):
                    yield path, kept

    def _is_known_folder(self, path: Path) -> bool:
        names = {kept.folder for kept in self._kinds} | {users.FOLDER, keys.FOLDER, REMOVING}
        return path.name in names and is_folder(path)

    def _kinds_in(self, folder: str) -> list[CacheKind]:
        return [kept for kept in self._kinds if kept.folder == folder]

    @staticmethod
    def _is_ours(kept: CacheKind, path: Path) -> bool:
        try:
            return kept.match(path.name) is not None and not path.is_symlink() and kept.is_ours(path)
        except OSError:  # it may not be looked into
            return False

    def _is_lock(self, path: Path, folder: str) -> bool:
        if not is_file(path) or path.suffix != ".lock" or path.stat().st_size:
            return False
        known = any(kept.match(path.name.removesuffix(".lock")) for kept in self._kinds_in(folder))
        return bool(folder) and (known or bool(_OLD_LOCK.fullmatch(path.name)))

    # Removing.

    def take_away(self, item: Item, why_kept: Callable[[Item], str]) -> Path | str:
        """Move the item to where it will be removed and return that path; or return why it stays.

        Raises OSError if this user may not change the folder.
        """
        with self.users.locked(), contextlib.ExitStack() as held:
            now = {found.key: found for found in self.look(self.users.projects()).items}.get(item.key)
            if now is None:
                return "it is gone already"
            if why := why_kept(now):
                return why
            if not all(held.enter_context(free) for path in now.paths for free in _alone(path)):
                return IN_USE
            if is_mentioned(now.paths):
                return "a process of it runs"
            target_dir = self.dir / REMOVING / secrets.token_hex(_RANDOM_BYTES)
            target_dir.mkdir(parents=True, mode=0o700)
            for path in now.paths:
                path.rename(target_dir / path.name)
            for path in now.paths:
                locks.lock_path(path).unlink(missing_ok=True)
            return target_dir

    def remove_taken(self) -> tuple[int, list[str]]:
        """Remove what was taken away, by this prune or by an interrupted one.

        Return the bytes that became free, and what could not be removed.
        """
        freed, problems = 0, list[str]()
        folder = self.dir / REMOVING
        if not is_folder(folder):
            return freed, problems
        for path in sorted(folder.iterdir()):
            if not _REMOVING_NAME.fullmatch(path.name) or not is_folder(path):
                continue
            with locks.alone(path) as mine:
                if not mine:  # another prune is at it
                    continue
                usage = disk.Usage()
                usage.add(path.iterdir())
                try:
                    remove_tree(path)
                    freed += usage.freed_bytes
                except FileNotFoundError:
                    continue
                except OSError as error:
                    problems.append(f"{error.filename or path}: {error.strerror or error}")
        return freed, problems

    def tidy(self) -> None:
        """Remove locks that nobody holds and nothing belongs to, and folders of ours that are empty."""
        for name in {kept.folder for kept in self._kinds if kept.folder}:
            folder = self.dir / name
            if not is_folder(folder):
                continue
            for path in folder.glob("*.lock"):
                if self._is_lock(path, name) and not path.with_name(path.name.removesuffix(".lock")).exists():
                    with self.users.locked(), locks.alone(path) as mine:
                        if mine:
                            path.unlink(missing_ok=True)
        if not self.look([]).items:
            self.users.remove_if_empty()
        for name in (*sorted({kept.folder for kept in self._kinds if kept.folder}), REMOVING, ""):
            with contextlib.suppress(OSError):  # not empty, or a link
                (self.dir / name).rmdir()


def is_mentioned(paths: Sequence[Path]) -> bool:
    """Whether the command line of a process names something in one of these folders: an environment runs from it."""
    needles = {f"{form}{os.sep}".encode() for path in paths for form in (path, path.resolve())}
    return any(needle in command for command in _commands() for needle in needles)


def _commands() -> Iterator[bytes]:
    """Yield the command lines of this machine's processes, as far as this user may see them."""
    if sys.platform != "linux":
        argv = ["ps", "-axww", "-o", "command="]
        yield subprocess.run(argv, capture_output=True, timeout=PS_TIMEOUT_S, check=False).stdout
        return
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_bytes()


def _alone(path: Path) -> Iterator[contextlib.AbstractContextManager[bool]]:
    """Yield what has to be held so that nobody else has the item: the builder's lock, and the folder itself."""
    if path.is_dir():
        yield locks.alone(locks.lock_path(path), make=True)
        yield locks.alone(path)


def _last_used(paths: Sequence[Path], since: float | None) -> float | None:
    """Return when something was used last; None when that was before uses were noted, so that nobody knows it."""
    newest = max(path.stat(follow_symlinks=False).st_mtime for path in paths)
    return newest if since is not None and newest >= since else None


def _why_untouchable(paths: Sequence[Path], *, thorough: bool) -> str:
    """Return why this user could not remove it; `thorough` looks into all folders, which takes a while."""
    uid = os.geteuid()
    if any(path.stat(follow_symlinks=False).st_uid != uid for path in paths):
        return OF_ANOTHER_USER
    # root may remove everything, and what is another's below is what root gave to a server's user.
    if thorough and uid and any(disk.has_folder_of_another(path, uid) for path in paths):
        return f"a folder in it: {OF_ANOTHER_USER}"
    return ""
