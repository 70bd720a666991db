"""What mwaa-local keeps in a Docker engine: images for all projects, and the volumes of each.

Other users and other caches may share the engine, and their projects are not recorded here. The names of their volumes
tell the project and the image: both volume and image stay. So does an image of which no use was ever noted here: who
made it is somebody else, whose stopped project may have no volume.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from mwaa_local.cache.item import Item
from mwaa_local.cache.kept import ImageKind, VolumeKind
from mwaa_local.cache.users import ProjectUse, Users
from mwaa_local.errors import MwaaLocalError
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.stored import StoredImage, StoredVolume

PACKAGES_LABEL = "packages"
# `compose_name` of `runtime/compose`: what the folder is called, and the project's id.
_PROJECT = re.compile(r"mwaa-[a-z0-9-]+-(?P<id>[0-9a-f]{12})")
BY_CONTAINER = "a container uses it"
UNKNOWN_PROJECT = "its project is not noted in this cache folder"
NEVER_NOTED = "no use is noted in this cache folder, others may use it; remove with `docker image rm NAME`"


class DockerStore:
    """One engine that answers, and what mwaa-local keeps in it."""

    def __init__(
        self, engine: Engine, images: Sequence[ImageKind], volumes: Sequence[VolumeKind], users: Users
    ) -> None:
        self.engine = engine
        self._images = images
        self._volumes = {kept.label: kept for kept in volumes}
        self._users = users

    def look(self, projects: Sequence[ProjectUse]) -> list[Item]:
        """Return images and volumes that are ours. Raises DockerUnavailable when the engine does not answer."""
        by_id = {use.id: use for use in projects}
        volumes = [volume for volume in self.engine.stored_volumes() if self._kind_of(volume)]
        return [*self._image_items(projects, by_id, volumes), *self._volume_items(by_id, volumes)]

    def _image_items(
        self, projects: Sequence[ProjectUse], by_id: dict[str, ProjectUse], volumes: Sequence[StoredVolume]
    ) -> Iterator[Item]:
        for kept in self._images:
            for image in self.engine.stored_images(kept.repository):
                tag = image.tag.rpartition(":")[2]
                match = kept.match(tag)
                if match is None or not kept.is_ours(image.configuration, tag):
                    continue
                release = match.groupdict().get("release", "")
                noted = [use for use in projects if use.has(kept.kind, image.tag)]
                last_used = self._users.last_used(kept.kind, image.tag)
                users = {str(use.dir) for use in noted if use.exists}
                using = [volume for volume in volumes if _goes_with(volume, match["key"], release)]
                unnoted = [volume for volume in using if _is_unnoted(by_id.get(_project_id(volume)))]
                if release:
                    known = [by_id[_project_id(volume)] for volume in using if _project_id(volume) in by_id]
                    users |= {str(use.dir) for use in known if use.exists}
                yield Item(
                    kind=kept.kind,
                    name=image.tag,
                    release=release,
                    size_bytes=image.size_bytes,
                    last_used=last_used,
                    used_by=tuple(sorted(users)),
                    kept_because=_why_kept(image, unnoted, is_noted=bool(noted) or last_used is not None),
                )

    def _volume_items(self, by_id: dict[str, ProjectUse], volumes: Sequence[StoredVolume]) -> Iterator[Item]:
        for volume in volumes:
            kept = self._kind_of(volume)
            assert kept is not None
            use = by_id.get(_project_id(volume))
            why = BY_CONTAINER if volume.is_used else UNKNOWN_PROJECT if use is None else ""
            version = volume.name.removeprefix(f"{volume.project}-{volume.label}-")
            yield Item(
                kind=kept.kind,
                name=volume.name,
                release=version if re.fullmatch(r"\d+\.\d+\.\d+", version) else "",
                size_bytes=volume.size_bytes,
                last_used=self._users.noted_at(use) if use else None,
                used_by=(str(use.dir),) if use and use.exists else (),
                kept_because=why,
                is_data=kept.is_data,
            )

    def _kind_of(self, volume: StoredVolume) -> VolumeKind | None:
        is_ours = _PROJECT.fullmatch(volume.project) and f"{volume.name}-".startswith(
            f"{volume.project}-{volume.label}-"
        )
        return self._volumes.get(volume.label) if is_ours else None

    def project_ids(self) -> set[str]:
        """Return the ids of projects that have volumes here."""
        return {_project_id(volume) for volume in self.engine.stored_volumes() if self._kind_of(volume)}

    def is_image(self, item: Item) -> bool:
        return any(item.kind == kept.kind for kept in self._images)

    def remove(self, item: Item, why_kept: Callable[[Item], str]) -> str:
        """Remove an image's tag or a volume; return why it stays, judged by its use now, or ""."""
        with self._users.locked():
            now = {found.key: found for found in self.look(self._users.projects())}.get(item.key)
            if now is None:
                return "it is gone already"
            if why := why_kept(now):
                return why
            if self.is_image(item):
                why = self.engine.remove_image(item.name)
                if not why:
                    self._users.forget_last_used(*item.key)
                return why
            try:
                self.engine.remove_volume(item.name)
            except MwaaLocalError as error:
                return f"{error.what}: {error.why}"
            return ""


def _goes_with(volume: StoredVolume, key: str, release: str) -> bool:
    """Whether a project with that volume uses an image; the local AWS's leaves no trace but its project's volumes."""
    if not release:
        return volume.label == PACKAGES_LABEL
    return volume.name == f"{volume.project}-{PACKAGES_LABEL}-{key}"


def _is_unnoted(use: ProjectUse | None) -> bool:
    """Whether nobody noted which images the project uses: it is another cache's, or an earlier version's."""
    return use is None or (use.exists and not use.is_in_docker)


def _why_kept(image: StoredImage, unknown: Sequence[StoredVolume], *, is_noted: bool) -> str:
    if image.is_used:
        return BY_CONTAINER
    if unknown:
        return f"{unknown[0].project} may use it, which is not noted in this cache folder"
    return "" if is_noted else NEVER_NOTED


def _project_id(volume: StoredVolume) -> str:
    match = _PROJECT.fullmatch(volume.project)
    return match["id"] if match else ""
