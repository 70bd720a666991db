"""What differs between the runtimes for who tries a cell: where its packages are, what it takes, what it may leave."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import psutil

from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.compose.containers import compose_name
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.files import ComposeFiles
from mwaa_local.runtime.compose.runtime import ComposeRuntime
from mwaa_local.runtime.process.runtime import ProcessRuntime
from tools.bench.images import docker, variable
from tools.bench.subjects import MEGABYTE, processes_memory
from tools.release_matrix.cells import DOCKER, PROCESS
from tools.release_matrix.command import CellError, MwaaLocal
from tools.release_matrix.fresh_image import FreshImage

INSTALL_STEP = {PROCESS: "packages", DOCKER: "image"}  # as `up` calls it
STAND_IN_LABEL = "mwaa-local.stand-in"  # of images that tests/engine makes
STAND_IN_NOTE = "on [a stand-in](../tests/engine/README.md) for the base image of Docker Hub"
LABELLED = {  # how `docker` lists what there is of a Compose project
    "container": ("ls", "--all", "--quiet"),
    "volume": ("ls", "--quiet"),
    "network": ("ls", "--quiet"),
}
REMOVAL = {"container": ("rm", "--force", "--volumes"), "volume": ("rm", "--force"), "network": ("rm",)}


class PlaceOfCell(Protocol):
    """One project in one runtime, looked at from outside the product where that is possible."""

    def install(self) -> float:
        """Make anew what `up` would find made by others; return the seconds that took, 0 where `up` makes all itself.

        Raises ImageBuildFailed.
        """
        ...

    def notes(self) -> tuple[str, ...]:
        """Return what there is to know of the installation, once it is done."""
        ...

    def python_argv(self) -> list[str]:
        """Return the words that start the interpreter of tasks."""
        ...

    def memory_mb(self) -> float: ...
    def disk_mb(self) -> float:
        """Return the size of the release's packages: their folder, or the image."""
        ...

    def left_running(self) -> list[str]:
        """Return what of the environment is there although it is stopped, data apart."""
        ...

    def left_at_all(self) -> list[str]:
        """Return what is there although its data were removed, too."""
        ...

    def remove(self) -> None:
        """Remove what the cell has added to the machine and the product keeps, and what it failed to remove."""
        ...


class Processes:
    """A project that runs as processes, with a cache folder of its own."""

    def __init__(self, project: Project, env: Mapping[str, str], cache_dir: Path) -> None:
        self._runtime = ProcessRuntime(project, env)
        self._cache_dir = cache_dir
        self._seen = self._runtime.processes()

    def install(self) -> float:
        return 0.0

    def notes(self) -> tuple[str, ...]:
        return ()

    def python_argv(self) -> list[str]:
        plan = self._runtime.running_plan()
        if plan is None or not plan.preload_argv:
            raise CellError("the environment is not running any more")
        return [plan.preload_argv[0]]

    def memory_mb(self) -> float:
        self._seen = self._runtime.processes()
        return processes_memory(self._seen)[0]

    def disk_mb(self) -> float:
        files = (path for path in (self._cache_dir / "environments").rglob("*") if path.is_file())
        return sum(path.lstat().st_size for path in files) / MEGABYTE

    def left_running(self) -> list[str]:
        return [f"process {process.pid}" for process in self._seen if _lives(process)]

    def left_at_all(self) -> list[str]:
        return self.left_running()

    def remove(self) -> None:
        pass


class Containers:
    """A project that runs as containers of Docker Compose."""

    def __init__(self, project: Project, env: Mapping[str, str], release: Release, product: MwaaLocal) -> None:
        self._runtime = ComposeRuntime(project, env)
        self._project = project
        self._release = release
        self._product = product
        self._tag = ""
        self._was_there = True
        self._base_image = ""

    @property
    def _engine(self) -> Engine:
        return self._runtime.engine

    def install(self) -> float:
        """Build the image by the project's own files, with downloads but without layers that the engine has.

        Where an image of that tag is there, it stays, and `up` takes it: it is made of the same files.
        """
        self._product.must("env")
        self._tag = variable(ComposeFiles.of(self._project).env_path.read_text(), "MWAA_IMAGE")
        self._was_there = self._engine.has_image(self._tag)
        self._base_image = variable(ComposeFiles.of(self._project).env_path.read_text(), "MWAA_BASE_IMAGE")
        built = FreshImage(self._project, self._engine, self._tag)
        try:
            seconds = built.seconds()
            if not self._was_there:
                docker(self._engine, "tag", built.tag, self._tag)
        finally:
            self._engine.remove_image(built.tag)
        return seconds

    def notes(self) -> tuple[str, ...]:
        label = f'{{{{index .Config.Labels "{STAND_IN_LABEL}"}}}}'
        is_stand_in = bool(docker(self._engine, "image", "inspect", "--format", label, self._base_image))
        return (STAND_IN_NOTE,) if is_stand_in else ()

    def python_argv(self) -> list[str]:
        worker = next((item for item in self._runtime.containers() if item.service == "worker" and item.is_up), None)
        if worker is None:
            raise CellError("there is no worker's container")
        return ["docker", "exec", worker.id, "python"]

    def memory_mb(self) -> float:
        sizes = [self._engine.memory_bytes(item.id) for item in self._runtime.containers() if item.is_up]
        return sum(sizes) / MEGABYTE

    def disk_mb(self) -> float:
        return int(docker(self._engine, "image", "inspect", "--format", "{{.Size}}", self._tag)) / MEGABYTE

    def left_running(self) -> list[str]:
        return self._labelled("container", "network")

    def left_at_all(self) -> list[str]:
        return self._labelled(*LABELLED)

    def _labelled(self, *kinds: str) -> list[str]:
        filters = ("--filter", f"label=com.docker.compose.project={compose_name(self._project)}")
        listed = {kind: docker(self._engine, kind, *LABELLED[kind], *filters).split() for kind in kinds}
        return [f"{kind} {name}" for kind, names in listed.items() for name in names]

    def remove(self) -> None:
        for left in self.left_at_all():
            kind, _, name = left.partition(" ")
            docker(self._engine, kind, *REMOVAL[kind], name)
        if self._tag and not self._was_there:
            self._engine.remove_image(self._tag)  # refused while somebody else's containers use it by now


def _lives(process: psutil.Process) -> bool:
    """Say whether it still runs; one that ended and awaits its parent does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def place_of(runtime: str, project: Project, release: Release, product: MwaaLocal, cache_dir: Path) -> PlaceOfCell:
    if runtime == PROCESS:
        return Processes(project, product.env, cache_dir)
    return Containers(project, product.env, release, product)
