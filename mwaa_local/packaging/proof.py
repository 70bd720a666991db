"""Prove a package: install it, without a network, as MWAA would, into a throw-away copy of the release's packages."""

from __future__ import annotations

import os
import platform
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.cache.kept import RANDOM, CacheKind, is_folder
from mwaa_local.errors import PackagesUnavailable, PythonUnavailable
from mwaa_local.packages import PackageStore
from mwaa_local.packaging.listing import PLUGINS_DIR
from mwaa_local.release import Release
from mwaa_local.requirements.install import Installed, install
from mwaa_local.requirements.prepare import prepare
from mwaa_local.scratch import scratch_folder

NOWHERE_URL = "http://127.0.0.1:9"  # the port of "discard", where nothing answers


@dataclass(frozen=True)
class Proved:
    """pip installed everything. `warnings` are its lines on packages of the image that no longer fit."""

    elapsed_s: float
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Disproved:
    """pip refused; it would on MWAA as well."""

    reason: str


@dataclass(frozen=True)
class NotTried:
    """Nothing was installed."""

    why: str


Proof = Proved | Disproved | NotTried

PREFIX = "proof-"
KEPT = CacheKind("trial of a package", "", f"{PREFIX}{RANDOM}", is_folder, is_leftover=True)


def prove(
    zip_path: Path,
    requirements_path: Path,
    release: Release,
    store: PackageStore,
    *,
    is_pure: bool,
    say: Callable[[str], None],
) -> Proof:
    """Return whether pip installs the requirements from the zip alone.

    Not tried where wheels for MWAA's platform (`is_pure` says that there are none) or its Python cannot be installed.
    """
    if not is_pure and (sys.platform != "linux" or platform.machine() != "x86_64"):
        return NotTried("there are wheels for Linux on x86-64, and this machine is another one")
    try:
        _, python_version = store.find_python(release)
        if not python_version.startswith(f"{release.python_version}."):
            return NotTried(f"there is no Python {release.python_version} here")
        base = store.base(release, say)
    except (PythonUnavailable, PackagesUnavailable) as error:
        return NotTried(error.what)
    # Beside the packages, so that files of the copy can be hard links.
    with scratch_folder(PREFIX, store.cache_dir) as work_dir:
        say("installing from the zip, without a network")
        with zipfile.ZipFile(zip_path) as archive:
            archive.extractall(work_dir / "plugins")  # what was just written by this command
        packages = store.clone(base, work_dir / "packages")
        prepared = prepare(
            requirements_path, release, work_dir / "copies", home_map={PLUGINS_DIR: work_dir / "plugins"}
        )
        result = install(
            prepared, packages.python_path, _offline_env(packages.bin_dir, work_dir), work_dir / "pip.log", cwd=work_dir
        )
    if isinstance(result, Installed):
        return Proved(result.elapsed_s, result.warnings)
    return Disproved(result.reason.replace(str(work_dir / "plugins"), PLUGINS_DIR))


def _offline_env(bin_dir: Path, home_dir: Path) -> dict[str, str]:
    """Return variables with which pip reaches no index, and no settings of this machine's pip."""
    return {
        "PATH": f"{bin_dir}{os.pathsep}{os.defpath}",
        "HOME": str(home_dir),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
        "HTTP_PROXY": NOWHERE_URL,
        "HTTPS_PROXY": NOWHERE_URL,
    }
