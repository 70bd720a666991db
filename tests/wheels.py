"""Wheels made by the tests themselves: small ones, so that installing needs no network, and the product's own."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from uv import find_uv_bin

from mwaa_local.command import Request, run
from mwaa_local.network import build_env
from tests.conftest import REPOSITORY_DIR

BUILD_TIMEOUT_S = 300.0


def make_wheel(folder: Path, name: str, version: str, requires: Sequence[str] = ()) -> None:
    """Write the smallest wheel that pip installs."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {line}\n" for line in requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


def build_own_wheel(folder: Path, env: Mapping[str, str]) -> Path:
    """Return mwaa-local as a wheel in that folder."""
    # A copy, since a build takes over what an earlier one left in its folder.
    source_dir = folder / "source"
    shutil.copytree(REPOSITORY_DIR / "mwaa_local", source_dir / "mwaa_local", symlinks=True)
    for name in ("docker", "pytest_mwaa_local"):
        shutil.copytree(REPOSITORY_DIR / name, source_dir / name)
    for name in ("docker-compose.yml", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY_DIR / name, source_dir)
    argv = [find_uv_bin(), "build", "--wheel", "--out-dir", str(folder), str(source_dir)]
    built = run(Request(argv, build_env(env), folder, BUILD_TIMEOUT_S))
    assert built.ok, built.output
    (path,) = folder.glob("*.whl")
    return path
