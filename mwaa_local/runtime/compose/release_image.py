"""The image of a release that is none of the environment's, as a move to it needs: built as `up` would build it.

What `up` has written for the environment's own release stays as it is, since containers may run by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from mwaa_local.cache.users import DOCKER, User
from mwaa_local.files import remove_tree, write_private
from mwaa_local.runtime.compose.build import build_missing
from mwaa_local.runtime.compose.certificates import ca_bundle
from mwaa_local.runtime.compose.containers import OwnContainers
from mwaa_local.runtime.compose.files import ComposeFiles, env_file
from mwaa_local.runtime.compose.image import COMPOSE_PATH, KEPT, Image, build_variables, image_tag, write_context
from mwaa_local.runtime.compose.stored import ComposeProject
from mwaa_local.services.seeding import MIGRATE_DB
from mwaa_local.steps import Steps
from mwaa_local.wanted import Wanted

DIR_NAME = "other-release"  # below `.mwaa-local/docker/`, while it is built


def ensure_image(wanted: Wanted, own: OwnContainers, steps: Steps) -> str:
    """Return the tag of the release's image, which is there then. Raises ImageBuildFailed."""
    is_rootless = own.engine.is_rootless()
    image = Image.of(wanted.release, wanted.environment.local, wanted.env, is_rootless=is_rootless)
    tag = image_tag(wanted.release, image)
    User(wanted.cache_dir, wanted.project, DOCKER).note(KEPT.kind, tag)
    if own.engine.has_image(tag):
        return tag
    folder = ComposeFiles.of(wanted.project).dir / DIR_NAME
    try:
        compose = _write(folder, wanted, build_variables(wanted.release, image), own.compose.name)
        build_missing(OwnContainers(wanted.project, wanted.env, compose), [tag], wanted.env, steps)
    finally:
        remove_tree(folder, ignore_errors=True)
    return tag


def _write(folder: Path, wanted: Wanted, variables: Mapping[str, str], name: str) -> ComposeProject:
    """Write what builds the image and nothing else: the part of the compose file that does."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = ComposeFiles(folder)
    files.make()
    write_context(wanted.release, files.image_dir)
    files.write_image_secrets(ca_bundle(wanted.env), wanted.env.get("PIP_INDEX_URL", ""))
    whole = yaml.safe_load(COMPOSE_PATH.read_text(encoding="utf-8"))
    service = {key: whole["services"][MIGRATE_DB][key] for key in ("image", "build")}
    path = folder / "compose.json"  # JSON is YAML
    write_private(path, json.dumps({"services": {MIGRATE_DB: service}, "secrets": whole["secrets"]}))
    write_private(files.env_path, env_file({**variables, "MWAA_DOCKER_DIR": str(folder)}))
    return ComposeProject(name, folder, path, files.env_path)
