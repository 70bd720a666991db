"""An installed package has all that the repository has: data of the releases, compose file, image."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY_DIR
from tests.wheels import build_own_wheel

pytestmark = pytest.mark.network  # the build backend comes from the index


def test_wheel_holds_the_compose_file_and_the_image_s_files(tmp_path: Path, clean_env: dict[str, str]) -> None:
    path = build_own_wheel(tmp_path, clean_env)
    with zipfile.ZipFile(path) as wheel:
        for name in ("docker-compose.yml", "docker/Dockerfile", "docker/entrypoint/__main__.py"):
            packed = wheel.read(f"mwaa_local/runtime/compose/shipped/{name}")
            assert packed == (REPOSITORY_DIR / name).read_bytes(), name
        names = wheel.namelist()
    assert "mwaa_local/releases/3.3.1/release.toml" in names
    assert "mwaa_local/guest/startup_wrapper.sh" in names
    assert "pytest_mwaa_local/__init__.py" in names
    assert "mwaa_local/guest/dags/probe.py" in names
    assert not [name for name in names if "__pycache__" in name]
