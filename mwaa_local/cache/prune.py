"""Everything that is kept outside of projects, and the removal of what no project uses."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.cache import disk
from mwaa_local.cache.docker import DockerStore
from mwaa_local.cache.folder import CacheFolder
from mwaa_local.cache.item import Item, Wanted
from mwaa_local.cache.keepers import IMAGES, KINDS, VOLUMES
from mwaa_local.cache.kept import ImageKind, VolumeKind
from mwaa_local.errors import DockerUnavailable
from mwaa_local.runtime.compose.engine import Engine


@dataclass(frozen=True)
class Inventory:
    """What is kept. `no_docker` says why images and volumes were skipped, if they were."""

    items: tuple[Item, ...]
    foreign: tuple[str, ...]  # names below the cache folder that are not ours
    no_docker: str
    since: float  # from when on uses were noted


@dataclass
class Pruned:
    """What was removed, why the rest stays, and what this user could not remove."""

    removed: list[Item] = field(default_factory=list)
    kept: list[tuple[Item, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    freed_bytes: int = 0
    build_cache_bytes: int = 0  # of removed images, which Docker's build cache goes on to hold


class Cache:
    """The cache folder and the Docker engine of one user. `env` is the caller's shell."""

    def __init__(
        self,
        cache_dir: Path,
        env: Mapping[str, str],
        images: Sequence[ImageKind] = IMAGES,
        volumes: Sequence[VolumeKind] = VOLUMES,
    ) -> None:
        self.folder = CacheFolder(cache_dir, KINDS)
        self._users = self.folder.users
        self._docker: DockerStore | None = None
        self._no_docker = ""
        try:
            self._docker = DockerStore(Engine.open(env), images, volumes, self._users)
        except DockerUnavailable as error:
            self._no_docker = error.what

    def inventory(self, tell: Callable[[str], None] = lambda _: None) -> Inventory:
        """Return everything, with sizes; `tell` hears what is being measured."""
        projects = self._users.projects()
        listing = self.folder.look(projects, disk.Usage(), tell)
        if self._docker:
            tell("what Docker keeps")
        in_docker = self._docker.look(projects) if self._docker else []
        since = self._users.since
        return Inventory((*listing.items, *in_docker), listing.foreign, self._no_docker, since or time.time())

    def plan(self, inventory: Inventory, wanted: Wanted) -> Pruned:
        """Return what `prune` would do."""
        why_kept = _decision(inventory, wanted)
        planned = Pruned()
        for item in inventory.items:
            if why := why_kept(item):
                planned.kept.append((item, why))
            else:
                planned.removed.append(item)
        usage = disk.Usage()
        usage.add(path for item in planned.removed for path in item.paths)
        in_docker = sum(item.size_bytes or 0 for item in planned.removed if not item.paths)
        planned.freed_bytes = usage.freed_bytes + in_docker
        return planned

    def prune(self, inventory: Inventory, wanted: Wanted, tell: Callable[[Item], None]) -> Pruned:
        """Remove what the inventory shows as unused and still is; `tell` is called for each removed item.

        What cannot be removed is among the problems. Raises OSError where the cache folder cannot be written at all.
        """
        why_kept = _decision(inventory, wanted)
        done = Pruned()
        if self.folder.dir.is_dir():
            with self._users.locked():
                self._users.begin()
            self._remove_taken(done)  # by a prune that was interrupted
        for item in inventory.items:
            if why := why_kept(item):
                done.kept.append((item, why))
            elif item.paths:
                self._remove_paths(item, why_kept, done, tell)
        self._remove_from_docker([item for item in inventory.items if not item.paths], why_kept, done, tell)
        if self.folder.dir.is_dir():
            self._forget_projects()
            self.folder.tidy()
        return done

    def _remove_paths(
        self, item: Item, why_kept: Callable[[Item], str], done: Pruned, tell: Callable[[Item], None]
    ) -> None:
        try:
            taken = self.folder.take_away(item, why_kept)
        except OSError as error:
            done.problems.append(f"{error.filename or item.paths[0]}: {error.strerror or error}")
            return
        if isinstance(taken, str):
            done.kept.append((item, taken))
            return
        self._remove_taken(done)
        done.removed.append(item)
        tell(item)

    def _remove_taken(self, done: Pruned) -> None:
        freed, problems = self.folder.remove_taken()
        done.freed_bytes += freed
        done.problems += [problem for problem in problems if problem not in done.problems]

    def _remove_from_docker(
        self, items: list[Item], why_kept: Callable[[Item], str], done: Pruned, tell: Callable[[Item], None]
    ) -> None:
        unused = [item for item in items if not why_kept(item)]
        if self._docker is None or not unused:
            return
        before, images_bytes = self._docker.engine.layers_bytes(), 0
        for item in unused:
            if why := self._docker.remove(item, why_kept):
                done.kept.append((item, why))
                continue
            if self._docker.is_image(item):
                images_bytes += item.size_bytes or 0
            else:
                done.freed_bytes += item.size_bytes or 0
            done.removed.append(item)
            tell(item)
        # The build cache may hold an image's layers after its end: only what the engine says is free.
        freed = max(0, before - self._docker.engine.layers_bytes())
        done.freed_bytes += freed
        done.build_cache_bytes = max(0, images_bytes - freed)

    def _forget_projects(self) -> None:
        """Forget projects that are gone, but for those whose volumes nobody could tell from strangers' then."""
        with self._users.locked():
            gone = [use for use in self._users.projects() if not use.exists]
            if not gone:
                return
            in_docker = self._docker.project_ids() if self._docker else {use.id for use in gone if use.is_in_docker}
            for use in gone:
                if use.id not in in_docker:
                    self._users.forget(use)


def _decision(inventory: Inventory, wanted: Wanted) -> Callable[[Item], str]:
    now = time.time()
    return lambda item: wanted.why_kept(item, now, inventory.since)
