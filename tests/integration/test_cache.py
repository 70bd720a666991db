"""Pruning real things: a package set that uv builds meanwhile, a running environment, images and volumes of Docker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mwaa_local.cache.docker import BY_CONTAINER, NEVER_NOTED, UNKNOWN_PROJECT
from mwaa_local.cache.folder import IN_USE
from mwaa_local.cache.item import Wanted
from mwaa_local.cache.keepers import VOLUMES
from mwaa_local.cache.prune import Cache, Pruned
from mwaa_local.cache.users import DOCKER, User, Users
from mwaa_local.project import Project
from mwaa_local.runtime.compose.containers import compose_name
from mwaa_local.runtime.compose.image import KEPT as AIRFLOW_IMAGE
from mwaa_local.runtime.compose.image import VERSION_LABEL
from mwaa_local.runtime.compose.stored import PROJECT_LABEL, VOLUME_LABEL
from tests.conftest import REPOSITORY_DIR
from tests.environments import RunningEnvironment

EVERYTHING = Wanted(age_s=0.0)
TIMEOUT_S = 300.0

# A package set of one package, built and used as `up` does it.
BUILD = """
import subprocess, sys
from dataclasses import replace
from pathlib import Path
from mwaa_local.packages import PackageStore
from mwaa_local.release import Packages, Release
import os
minor = f"{sys.version_info.major}.{sys.version_info.minor}"
release = replace(
    Release.load("3.3.1"), python_version=minor, supported_pythons=(minor,), packages=Packages(base={"six": "1.16.0"})
)
base = PackageStore(Path(sys.argv[1]), os.environ).base(release, lambda what: print(what, flush=True))
for _ in range(3):
    subprocess.run([base.python_path, "-c", "import six; assert six.__version__ == '1.16.0'"], check=True)
print("ready", flush=True)
sys.stdin.read()
"""


def prune(cache_dir: Path) -> Pruned:
    cache = Cache(cache_dir, {"PATH": ""})
    return cache.prune(cache.inventory(), EVERYTHING, lambda _: None)


@pytest.fixture
def builder(tmp_path: Path, clean_env: dict[str, str]) -> Callable[[], subprocess.Popen[str]]:
    interpreter_dir = str(Path(sys.executable).resolve().parent)
    env = {**clean_env, "PATH": os.pathsep.join([interpreter_dir, clean_env["PATH"]])}

    def begin() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        argv = [sys.executable, "-c", BUILD, str(tmp_path / "cache")]
        return subprocess.Popen(argv, cwd=REPOSITORY_DIR, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    return begin


@pytest.mark.network
def test_real_package_set_is_removed_when_its_user_is_gone(
    builder: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    cache_dir = tmp_path / "cache"
    with builder() as process:
        assert process.stdout is not None
        lines = [line.strip() for line in iter(process.stdout.readline, "ready\n") if line]
        assert lines == ["installing 1 packages of Airflow 3.3.1"]
        pruned = prune(cache_dir)
        (_, why), *more = pruned.kept
        assert (why, more, pruned.removed) == (IN_USE, [], [])
        _, stderr = process.communicate("", TIMEOUT_S)
        assert process.returncode == 0, stderr
    pruned = prune(cache_dir)
    assert [item.kind for item in pruned.removed] == ["packages"]
    assert pruned.freed_bytes > 0
    assert not cache_dir.exists()


@pytest.mark.network
def test_prune_at_the_same_time_breaks_no_build(builder: Callable[[], subprocess.Popen[str]], tmp_path: Path) -> None:
    cache_dir, over = tmp_path / "cache", threading.Event()
    removed: list[str] = []
    problems: list[str] = []

    def prune_all_the_time() -> None:
        while not over.is_set():
            pruned = prune(cache_dir)
            removed.extend(item.name for item in pruned.removed)
            problems.extend(pruned.problems)

    thread = threading.Thread(target=prune_all_the_time)
    thread.start()
    try:
        for _ in range(4):
            with builder() as first, builder() as second:
                for process in (first, second):
                    stdout, stderr = process.communicate("", TIMEOUT_S)
                    assert (process.returncode, stdout.split()[-1:]) == (0, ["ready"]), stderr
    finally:
        over.set()
        thread.join(TIMEOUT_S)
    assert problems == []
    assert removed  # else nothing was tried


@pytest.mark.full
@pytest.mark.network
def test_running_environment_uses_packages_and_database(latest_environment: RunningEnvironment) -> None:
    outcome = latest_environment.run("cache", "prune", "--all", "--dry-run", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    folder = str(latest_environment.project.root_dir)
    kept = {item["kind"] for item in json.loads(outcome.stdout)["kept"] if folder in item["used_by"]}
    assert kept >= {"packages", "database"}


# Docker. The engine may be used by others meanwhile: only a repository of this test's own is looked at, and volumes are
# removed only of projects that are noted in its cache folder.

REPOSITORY = "mwaa-local/test-of-cache"
IMAGES = (replace(AIRFLOW_IMAGE, repository=REPOSITORY),)
OURS, STOPPED, UNKNOWN, RUNNING, LEFT, NEVER = (f"{REPOSITORY}:9.9.{n}-{n}{'a' * 11}" for n in range(6))
STRANGE = f"{REPOSITORY}:mine"


@dataclass(frozen=True)
class Made:
    """What a test made in the engine."""

    cache_dir: Path
    folder: Path

    def docker(self, *words: str, stdin: str | None = None) -> str:
        done = subprocess.run(["docker", *words], input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def image(self, tag: str, label: str = "") -> None:
        version = label or tag.rpartition(":")[2].partition("-")[0]
        (self.folder / "image").mkdir(exist_ok=True)
        (self.folder / "image" / "file").write_text(tag * 10_000)
        dockerfile = f'FROM scratch\nCOPY file /file\nLABEL {VERSION_LABEL}="{version}"\nCMD ["/file"]\n'
        (self.folder / "image" / "Dockerfile").write_text(dockerfile)
        self.docker("build", "--quiet", "--tag", tag, str(self.folder / "image"))

    def project(self, name: str, image: str = "") -> Project:
        """Make a project that once ran in Docker; with an image it is noted, too."""
        project = Project(self.folder / name)
        project.root_dir.mkdir()
        project.make_state_dir()
        if image:
            user = User(self.cache_dir, project, DOCKER)
            user.note(AIRFLOW_IMAGE.kind, image)
            user.settle()
        return project

    def volume(self, project: Project, label: str, rest: str = "") -> str:
        name = f"{compose_name(project)}-{label}{rest}"
        labels = (f"{PROJECT_LABEL}={compose_name(project)}", f"{VOLUME_LABEL}={label}")
        self.docker("volume", "create", *(word for text in labels for word in ("--label", text)), name)
        return name

    def volumes(self) -> set[str]:
        return set(self.docker("volume", "ls", "--quiet").split())

    def images(self) -> set[str]:
        return set(self.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", REPOSITORY).split())

    def cache(self) -> Cache:
        return Cache(self.cache_dir, os.environ, IMAGES, VOLUMES)

    def prune(self, wanted: Wanted = EVERYTHING) -> dict[str, str]:
        """Return why each item stayed, "" for those removed."""
        cache = self.cache()
        pruned = cache.prune(cache.inventory(), wanted, lambda _: None)
        assert pruned.problems == []
        return {**{item.name: why for item, why in pruned.kept}, **{item.name: "" for item in pruned.removed}}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    made = Made(tmp_path / "cache", tmp_path)
    before = made.volumes()
    made.cache_dir.mkdir()
    yield made
    containers = made.docker("ps", "--all", "--quiet", "--filter", f"label={REPOSITORY}").split()
    if containers:
        made.docker("rm", "--force", *containers)
    if images := made.images():
        made.docker("image", "rm", *images)
    if own := [name for name in made.volumes() - before if name.startswith("mwaa-cached-")]:
        made.docker("volume", "rm", *own)


@pytest.mark.docker
def test_image_that_no_project_uses_is_removed_and_that_of_a_stopped_project_stays(made: Made) -> None:
    for tag in (OURS, STOPPED, UNKNOWN, RUNNING, LEFT, NEVER):
        made.image(tag)
    made.image(STRANGE, label="9.9.9")
    stopped = made.project("cached-stopped", STOPPED)
    for name, image in (("cached-gone", LEFT), ("cached-before", OURS)):
        shutil.rmtree(made.project(name, image).root_dir)
    of_another_cache = made.project("cached-elsewhere")
    made.volume(of_another_cache, "packages", f"-{UNKNOWN.rpartition('-')[2]}")
    made.docker("create", "--label", REPOSITORY, RUNNING)
    fates = made.prune()
    assert fates[OURS] == fates[LEFT] == ""
    assert fates[STOPPED] == f"used by {stopped.root_dir}"
    assert compose_name(of_another_cache) in fates[UNKNOWN]
    assert fates[RUNNING] == BY_CONTAINER
    assert fates[NEVER] == NEVER_NOTED
    assert made.images() == {STOPPED, UNKNOWN, RUNNING, NEVER, STRANGE}
    shutil.rmtree(stopped.state_dir)
    assert made.prune()[STOPPED] == ""


@pytest.mark.docker
def test_volumes_of_a_project_that_is_gone(made: Made) -> None:
    kinds = ("packages", "pip-cache", "database", "queue")
    projects = {name: made.project(f"cached-{name}", STOPPED) for name in ("here", "gone")}
    projects["unknown"] = made.project("cached-unknown")
    volumes = {(name, kind): made.volume(project, kind) for name, project in projects.items() for kind in kinds}
    shutil.rmtree(projects["gone"].root_dir)
    fates = made.prune()
    assert {kind for kind in kinds if not fates[volumes["gone", kind]]} == {"packages", "pip-cache"}
    assert "--volumes" in fates[volumes["gone", "database"]]
    assert all(fates[volumes["here", kind]] == f"used by {projects['here'].root_dir}" for kind in kinds)
    assert all(fates[volumes["unknown", kind]] == UNKNOWN_PROJECT for kind in kinds)
    assert [use.dir.name for use in Users(made.cache_dir).projects()] == ["cached-gone", "cached-here"]
    fates = made.prune(Wanted(0.0, volumes=True))
    assert fates[volumes["gone", "database"]] == fates[volumes["gone", "queue"]] == ""
    kept = {volumes[name, kind] for name in ("here", "unknown") for kind in kinds}
    assert made.volumes() & set(volumes.values()) == kept
    assert [use.dir.name for use in Users(made.cache_dir).projects()] == ["cached-here"]


@pytest.mark.docker
def test_image_goes_by_its_last_use(made: Made) -> None:
    made.image(OURS)
    gone = made.project("cached-gone", OURS)
    shutil.rmtree(gone.root_dir)
    (item,) = [item for item in made.cache().inventory().items if item.name == OURS]
    assert item.last_used is not None
    assert abs(item.last_used - time.time()) < TIMEOUT_S
    assert (item.size_bytes or 0) > 10_000
    assert made.prune(Wanted(86400.0))[OURS].startswith("used recently")
    assert made.prune()[OURS] == ""
