"""What a Docker engine keeps for several cache folders: what this one never noted is somebody else's."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from mwaa_local.cache.docker import NEVER_NOTED, UNKNOWN_PROJECT, DockerStore
from mwaa_local.cache.item import Item, Wanted
from mwaa_local.cache.keepers import IMAGES, VOLUMES
from mwaa_local.cache.users import DOCKER, User, Users
from mwaa_local.project import Project
from mwaa_local.runtime.compose.containers import compose_name
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.image import VERSION_LABEL
from mwaa_local.runtime.compose.stored import StoredImage, StoredVolume
from mwaa_local.services.own_image import ENTRYPOINT
from tests.unit.cache.kept_things import make_project

KEY = "0123456789ab"
TAGS = tuple(f"mwaa-local/{name}-{KEY}" for name in ("airflow:3.3.1", "aws:5.2.5", "door:3.14.3"))
KINDS = {kept.repository: kept.kind for kept in IMAGES}
NOW_S, LONG_AGO_S = 2_000_000_000.0, 0.0


@dataclass
class SharedEngine:
    """An engine whose images several cache folders use: it does not know which."""

    tags: list[str] = field(default_factory=lambda: list(TAGS))
    volumes: list[StoredVolume] = field(default_factory=list)

    def stored_images(self, repository: str) -> list[StoredImage]:
        configuration = {"Labels": {VERSION_LABEL: "3.3.1"}, "Entrypoint": ENTRYPOINT}
        found = [tag for tag in self.tags if tag.startswith(f"{repository}:")]
        return [StoredImage(tag, 1000, configuration, is_used=False) for tag in found]

    def stored_volumes(self) -> list[StoredVolume]:
        return self.volumes

    def remove_image(self, tag: str) -> str:
        self.tags.remove(tag)
        return ""

    def remove_volume(self, name: str) -> None:
        self.volumes = [volume for volume in self.volumes if volume.name != name]


def store_of(engine: SharedEngine, cache_dir: Path) -> DockerStore:
    return DockerStore(cast(Engine, engine), IMAGES, VOLUMES, Users(cache_dir))


def prune(engine: SharedEngine, cache_dir: Path) -> dict[str, str]:
    """Remove what `cache prune --all --volumes` would; return why each item stayed, "" for those that went."""
    store = store_of(engine, cache_dir)

    def decide(item: Item) -> str:
        return Wanted(age_s=0.0, volumes=True).why_kept(item, NOW_S, LONG_AGO_S)

    found = store.look(Users(cache_dir).projects())
    return {item.name: decide(item) or store.remove(item, decide) for item in found}


def note_all(cache_dir: Path, project: Project) -> None:
    user = User(cache_dir, project, DOCKER)
    for tag in TAGS:
        user.note(KINDS[tag.partition(":")[0]], tag)
    user.settle()


def volumes_of(project: Project) -> list[StoredVolume]:
    name = compose_name(project)
    rests = {"packages": f"-{KEY}", "pip-cache": "", "database": "-3.3.1", "queue": "-3.3.1"}
    return [StoredVolume(f"{name}-{label}{rest}", name, label, None, is_used=False) for label, rest in rests.items()]


def test_image_that_this_cache_folder_never_noted_stays(cache_dir: Path, tmp_path: Path) -> None:
    engine = SharedEngine()
    project = make_project(tmp_path)  # stopped with `down --volumes`: nothing in the engine tells of it
    note_all(tmp_path / "other-cache", project)
    assert prune(engine, cache_dir) == dict.fromkeys(TAGS, NEVER_NOTED)
    assert engine.tags == list(TAGS)
    assert prune(engine, tmp_path / "other-cache") == dict.fromkeys(TAGS, f"used by {project.root_dir}")


def test_image_that_was_noted_goes_when_its_project_is_gone(cache_dir: Path, tmp_path: Path) -> None:
    engine = SharedEngine()
    project = make_project(tmp_path)
    note_all(cache_dir, project)
    shutil.rmtree(project.root_dir)
    assert prune(engine, cache_dir) == dict.fromkeys(TAGS, "")
    assert engine.tags == []


def test_image_stays_while_another_cache_folders_project_has_volumes(cache_dir: Path, tmp_path: Path) -> None:
    gone, other = make_project(tmp_path, "gone"), make_project(tmp_path, "other")
    note_all(cache_dir, gone)
    shutil.rmtree(gone.root_dir)
    engine = SharedEngine(volumes=volumes_of(other))
    fates = prune(engine, cache_dir)
    assert all(fates[tag].startswith(f"{compose_name(other)} may use it") for tag in TAGS)
    assert {fates[volume.name] for volume in volumes_of(other)} == {UNKNOWN_PROJECT}
    assert (engine.tags, engine.volumes) == (list(TAGS), volumes_of(other))
