"""The image of the product: a build of it with nothing cached, its size."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from mwaa_local.project import Project
from mwaa_local.runtime.compose.containers import compose_name
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.files import ComposeFiles
from mwaa_local.runtime.compose.image import COMPOSE_PATH
from mwaa_local.runtime.compose.program import find_docker
from mwaa_local.runtime.compose.stored import ComposeProject
from tools.bench.commands import BenchError, last_lines, output_of, run
from tools.bench.rows import DOCKER
from tools.bench.subjects import MEGABYTE

REPOSITORY = "mwaa-local/bench"
_CACHE_MOUNT = re.compile(r"--mount=type=cache,target=([^\s,]+)(?=\s)")


class ColdBuild:
    """One build of a project's image, by its own Dockerfile and compose file, that finds nothing cached.

    `docker build --no-cache` builds every layer, but not all engines also empty the cache mounts then, where downloads
    are kept; those that do would empty them for everyone. So the mounts get names that nobody else uses.
    """

    side = DOCKER

    def __init__(self, root_dir: Path, env: Mapping[str, str], engine: Engine) -> None:
        self._project = Project.find(root_dir)
        self._env = dict(env)
        self._engine = engine
        self._name = uuid4().hex
        self._files = ComposeFiles.of(self._project)

    @property
    def tag(self) -> str:
        return f"{REPOSITORY}:{self._name}"

    def seconds(self) -> float:
        """Build and return the seconds it took."""
        run([sys.executable, "-m", "mwaa_local", "env"], self._project.root_dir, self._env)
        dockerfile_path = self._files.image_dir / "Dockerfile"
        dockerfile_path.write_text(with_own_caches(dockerfile_path.read_text(), self._name))
        variables = self._files.env_path.read_text()
        release_tag = variable(variables, "MWAA_IMAGE")
        self._files.env_path.write_text(variables.replace(f'"{release_tag}"', f'"{self.tag}"'))
        compose = ComposeProject(
            compose_name(self._project), self._project.root_dir, COMPOSE_PATH.resolve(), self._files.env_path
        )
        started = time.monotonic()
        done = self._engine.compose(compose, "--progress", "plain", "build", "--no-cache", "--quiet")
        elapsed_s = time.monotonic() - started
        if done.returncode != 0 or not self._engine.has_image(self.tag):
            raise BenchError(f"the image could not be built\n{last_lines(done.stdout)}")
        return elapsed_s

    def discard(self) -> None:
        """Remove the image, empty its cache mounts. Layers stay in the builder's cache until it drops them itself."""
        if self._engine.has_image(self.tag):
            docker(self._engine, "image", "rm", self.tag)
        folder = self._project.root_dir / "emptying"
        folder.mkdir(exist_ok=True)
        dockerfile_path = self._files.image_dir / "Dockerfile"
        if dockerfile_path.is_file():
            base_image = variable(self._files.env_path.read_text(), "MWAA_BASE_IMAGE")
            (folder / "Dockerfile").write_text(emptying(dockerfile_path.read_text(), base_image))
            docker(self._engine, "build", "--quiet", "--output", "type=cacheonly", str(folder))
        run([sys.executable, "-m", "mwaa_local", "down", "--now", "--volumes"], self._project.root_dir, self._env)


def with_own_caches(dockerfile: str, name: str) -> str:
    """Return the Dockerfile with cache mounts that no other build uses; one mount for each target, as before.

    Raises BenchError where a mount is written in another way, which would be found full.
    """
    changed, count = _CACHE_MOUNT.subn(rf"--mount=type=cache,id={name}\1,target=\1", dockerfile)
    if count != dockerfile.count("type=cache"):
        raise BenchError("a cache mount of the Dockerfile is not understood: its cold build would not be cold")
    return changed


def emptying(dockerfile: str, base_image: str) -> str:
    """Return a Dockerfile that empties all cache mounts of one with caches of its own."""
    mounts = dict.fromkeys(re.findall(r"--mount=type=cache,id=\S+", dockerfile))
    targets = [mount.partition("target=")[2] for mount in mounts]
    steps = [f"RUN {mount} find {target} -mindepth 1 -delete\n" for mount, target in zip(mounts, targets, strict=True)]
    return f"FROM {base_image}\n{''.join(steps)}"


def variable(env_file: str, name: str) -> str:
    """Return a value out of the file of Compose's variables."""
    match = re.search(rf'(?m)^{name}="(.*)"$', env_file)
    if match is None:
        raise BenchError(f"{name} is not among the compose file's variables")
    return match[1]


def image_mb(env_path: Path, engine: Engine) -> float:
    """Return the size of the image that the compose file's variables name, in MB of 10**6 bytes."""
    tag = variable(env_path.read_text(), "MWAA_IMAGE")
    return int(docker(engine, "image", "inspect", "--format", "{{.Size}}", tag)) / MEGABYTE


def docker(engine: Engine, *words: str) -> str:
    """Run `docker` with that engine; return its output."""
    return output_of([find_docker(engine.command_env), *words], engine.command_env)
