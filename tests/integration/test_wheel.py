"""An installed package has all that the repository has: data of the releases, compose file, image."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

from mwaa_local.command import Request, run
from mwaa_local.packages import build_env
from tests.conftest import REPOSITORY_DIR

pytestmark = pytest.mark.network  # the build backend comes from the index

BUILD_TIMEOUT_S = 300.0


def test_wheel_holds_the_compose_file_and_the_image_s_files(tmp_path: Path, clean_env: dict[str, str]) -> None:
    # A copy, since a build takes over what an earlier one left in its folder.
    source_dir = tmp_path / "source"
    shutil.copytree(REPOSITORY_DIR / "mwaa_local", source_dir / "mwaa_local", symlinks=True)
    for name in ("docker", "pytest_mwaa_local"):
        shutil.copytree(REPOSITORY_DIR / name, source_dir / name)
    for name in ("docker-compose.yml", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY_DIR / name, source_dir)
    argv = [find_uv_bin(), "build", "--wheel", "--out-dir", str(tmp_path), str(source_dir)]
    built = run(Request(argv, build_env(clean_env), tmp_path, BUILD_TIMEOUT_S))
    assert built.ok, built.output
    (path,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        for name in ("docker-compose.yml", "docker/Dockerfile", "docker/entrypoint.py"):
            packed = wheel.read(f"mwaa_local/support/compose/{name}")
            assert packed == (REPOSITORY_DIR / name).read_bytes(), name
        names = wheel.namelist()
    assert "mwaa_local/releases/3.3.1/release.toml" in names
    assert "mwaa_local/support/startup_wrapper.sh" in names
    assert "pytest_mwaa_local/__init__.py" in names
    assert "mwaa_local/check/dags/probe.py" in names
    assert not [name for name in names if "__pycache__" in name]
