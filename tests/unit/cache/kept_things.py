"""What looks like things that are kept outside of projects, and what a prune did with them."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from mwaa_local.cache.item import Wanted
from mwaa_local.cache.prune import Cache, Pruned
from mwaa_local.project import Project
from tests.conftest import Outcome, ProjectRunner

PACKAGE_DIR = Path(__file__).parents[3] / "mwaa_local"
NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}  # the user's own engine is not for these tests
SET, OTHER_SET = "3.3.1-0123456789ab", "2.10.3-ba9876543210"
FERNET_KEY = "cmFuZG9tIGJ5dGVzIG9mIHNvbWVib2R5IGVsc2Uuc28="
EVERYTHING = Wanted(age_s=0.0)
A_MONTH_S = 30 * 86400.0
TIMEOUT_S = 60.0
ORDINARY_USER = 12345


def make_set(cache_dir: Path, name: str = SET, files: int = 3) -> Path:
    """Make what looks like a package set, with files of 4 KiB in a folder that may only be read."""
    folder = cache_dir / "environments" / name
    package_dir = folder / "lib" / "python3.12" / "site-packages" / "package"
    package_dir.mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / "mwaa-local.json").write_text(json.dumps({"digest": name.partition("-")[2]}))
    for number in range(files):
        (package_dir / f"module_{number}.py").write_bytes(b"#" * 4096)
    package_dir.chmod(0o500)
    return folder


def make_database(cache_dir: Path, name: str = SET) -> Path:
    folder = cache_dir / "databases" / name
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "PG_VERSION").write_text("18\n")
    (folder / "mwaa-local.json").write_text(json.dumps({"password": "secret"}))
    (cache_dir / "databases" / f"{name}.home").mkdir()
    (cache_dir / "databases" / f"{name}.home" / "airflow.cfg").touch()
    return folder


def make_project(tmp_path: Path, name: str = "project") -> Project:
    folder = tmp_path / name
    (folder / ".mwaa-local").mkdir(parents=True)
    return Project(folder)


def prune(cache_dir: Path, wanted: Wanted = EVERYTHING) -> Pruned:
    cache = Cache(cache_dir, {"PATH": ""})
    return cache.prune(cache.inventory(), wanted, lambda _: None)


def names(pruned: Pruned) -> set[str]:
    return {item.name for item in pruned.removed}


def why_kept(pruned: Pruned, name: str) -> str:
    return next(why for item, why in pruned.kept if item.name == name)


def below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def aged(folder: Path, seconds_ago: float) -> None:
    os.utime(folder, (time.time() - seconds_ago,) * 2)


def cli(runner: ProjectRunner, cache_dir: Path, *words: str, stdin: str = "") -> Outcome:
    return runner.call("cache", *words, env={**NO_ENGINE, "MWAA_LOCAL_CACHE_DIR": str(cache_dir)}, stdin=stdin)
