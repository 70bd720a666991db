"""A release's image built anew, by the very files of a project, though the engine may have every layer of it."""

from __future__ import annotations

import re
import time
from uuid import uuid4

from mwaa_local.project import Project
from mwaa_local.runtime.compose.containers import compose_name
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.files import ComposeFiles
from mwaa_local.runtime.compose.image import COMPOSE_PATH
from mwaa_local.runtime.compose.image_build import BUILD_LOG_NAME, PYPI_HOST, build_error
from mwaa_local.runtime.compose.stored import ComposeProject
from tools.bench.images import REPOSITORY

BUILDING_SERVICE = "migrate-db"  # the one of docker-compose.yml that builds the image of all
VARIABLES_NAME = "fresh_image.env"


class FreshImage:
    """One build under a tag of its own. `mwaa-local env` has written the project's files."""

    def __init__(self, project: Project, engine: Engine, product_tag: str) -> None:
        self._project = project
        self._engine = engine
        self._product_tag = product_tag
        self._name = uuid4().hex
        self.tag = f"{REPOSITORY}:{self._name}"

    def seconds(self) -> float:
        """Build it; return the seconds. Raises ImageBuildFailed."""
        files = ComposeFiles.of(self._project)
        dockerfile_path = files.image_dir / "Dockerfile"
        dockerfile = dockerfile_path.read_text()
        variables_path = files.env_path.with_name(VARIABLES_NAME)
        variables_path.write_text(files.env_path.read_text().replace(f'"{self._product_tag}"', f'"{self.tag}"'))
        compose = ComposeProject(
            compose_name(self._project), self._project.root_dir, COMPOSE_PATH.resolve(), variables_path
        )
        dockerfile_path.write_text(without_layers_of_before(dockerfile, self._name))
        try:
            started = time.monotonic()
            done = self._engine.compose(compose, "--progress", "plain", "build", BUILDING_SERVICE)
            elapsed_s = time.monotonic() - started
        finally:
            dockerfile_path.write_text(dockerfile)
        if done.returncode != 0 or not self._engine.has_image(self.tag):
            raise build_error(done.stdout, self._project.logs_dir / BUILD_LOG_NAME, PYPI_HOST)
        return elapsed_s


def without_layers_of_before(dockerfile: str, name: str) -> str:
    """Return the Dockerfile with a new value in the environment of each stage: no step is found in the build cache.

    `docker build --no-cache` would do it too, but with some engines it also empties everybody's cache of downloads.
    """
    return re.sub(r"(?m)^(FROM .*)$", rf"\1\nARG FRESH={name}", dockerfile)
