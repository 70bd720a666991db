"""What an engine keeps for all of its users: images and volumes, and what they take."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from mwaa_local.runtime.compose.stored import PROJECT_LABEL, VOLUME_LABEL, StoredImage, StoredVolume

if TYPE_CHECKING:  # imported when an engine is asked
    from docker import APIClient


class EngineStore:
    """One engine's images and volumes; `asked` is how it is asked."""

    def __init__(self, asked: Callable[[], AbstractContextManager[APIClient]]) -> None:
        self._asked = asked

    def stored_images(self, repository: str) -> list[StoredImage]:
        """Return the tags of one repository."""
        from docker.errors import ImageNotFound

        found = []
        with self._asked() as api:
            used = {item["ImageID"] for item in api.containers(all=True)}
            for listed in api.images(name=repository):
                for tag in listed.get("RepoTags") or []:
                    with contextlib.suppress(ImageNotFound):  # removed just now
                        plain = api.inspect_image(tag)  # type: ignore[no-untyped-call]
                        config = plain.get("Config") or {}
                        found.append(StoredImage(tag, int(plain["Size"]), config, plain["Id"] in used))
        return found

    def stored_volumes(self) -> list[StoredVolume]:
        """Return the volumes of every Compose project on this engine."""
        with self._asked() as api:
            sizes = {item["Name"]: item.get("UsageData") or {} for item in api.df().get("Volumes") or []}
            mounts = [mount for item in api.containers(all=True) for mount in item.get("Mounts") or []]
            used = {mount.get("Name") for mount in mounts if mount.get("Type") == "volume"}
            answer = api.volumes(filters={"label": [PROJECT_LABEL]})
        found = []
        for item in answer.get("Volumes") or []:
            size = int(sizes.get(item["Name"], {}).get("Size", -1))
            found.append(
                StoredVolume(
                    name=item["Name"],
                    project=item["Labels"][PROJECT_LABEL],
                    label=item["Labels"].get(VOLUME_LABEL, ""),
                    size_bytes=size if size >= 0 else None,
                    is_used=item["Name"] in used,
                )
            )
        return found

    def layers_bytes(self) -> int:
        """Return what all images on the engine take together, each layer counted once."""
        with self._asked() as api:
            return int(api.df().get("LayersSize") or 0)
