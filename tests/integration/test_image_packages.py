"""What docker/Dockerfile installs from the package index can be installed: resolved by uv for Linux, nothing is built.

Without an engine, and for every release, since the image of each is built in a test only for a few.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pytest
from uv import find_uv_bin

from mwaa_local.network import build_env
from mwaa_local.release import Release
from mwaa_local.runtime.compose.image import context_files
from mwaa_local.services.aws import MOTO_PYTHON, MOTO_VERSION
from tests.conftest import make_clean_env

pytestmark = pytest.mark.network

# Of the base images, Debian 12's: its libc is 2.36.
PLATFORMS = ("x86_64-manylinux_2_36", "aarch64-manylinux_2_36")
RESOLVE_TIMEOUT_S = 120.0
PATCH = 17  # of the minor version; newer than those that packages exclude
QUICK = ("3.3.1",)  # in every run
every_release = pytest.mark.parametrize(
    "release",
    [
        pytest.param(release, marks=() if release.airflow_version in QUICK else pytest.mark.full)
        for release in Release.all()
    ],
    ids=lambda release: release.airflow_version,
)
every_platform = pytest.mark.parametrize("platform", PLATFORMS)


def resolve(
    folder: Path, python_version: str, platform: str, lines: Sequence[str], options: Sequence[str] = ()
) -> dict[str, str]:
    """Return {package: version} that uv would install from wheels; fail the test where it finds none."""
    (folder / "home").mkdir(exist_ok=True)
    wanted = folder / "wanted.txt"
    wanted.write_text("".join(f"{line}\n" for line in lines))
    argv = [find_uv_bin(), "pip", "compile", "--quiet", "--no-header", "--no-annotate", *options, str(wanted)]
    argv += ["--python-version", f"{python_version}.{PATCH}", "--python-platform", platform]
    done = subprocess.run(
        argv,
        env=build_env(make_clean_env(folder / "home")),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=RESOLVE_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pins = (line.partition("==") for line in done.stdout.splitlines() if line)
    return {name: rest.partition(" ")[0] for name, _, rest in pins}


@every_platform
@every_release
def test_aws_cli_comes_from_wheels_and_shares_the_botocore_of_the_release(
    release: Release, platform: str, tmp_path: Path
) -> None:
    overrides = tmp_path / "overrides.txt"
    overrides.write_text(context_files(release)["aws_cli_overrides.txt"])
    options = ("--only-binary", ":all:", "--overrides", str(overrides))
    found = resolve(tmp_path, release.python_version, platform, [f"awscli=={release.aws_cli_version}"], options)
    assert found["botocore"] == release.packages.base["botocore"]
    assert [
        line for line in release.aws_cli_overrides if found[line.partition("==")[0]] != line.partition("==")[2]
    ] == []


@every_release
def test_packages_of_the_release_have_wheels_but_for_those_named(release: Release, tmp_path: Path) -> None:
    """For the processor on which it was found out which are built from source."""
    files = context_files(release)
    options = ("--no-deps", *files["build_options.txt"].splitlines())
    wanted = [*files["packages.txt"].splitlines(), *files["hidden.txt"].splitlines()]
    found = resolve(tmp_path, release.python_version, PLATFORMS[0], wanted, options)
    assert len(found) == len(wanted)


@every_platform
def test_image_of_the_local_aws_comes_from_wheels(platform: str, tmp_path: Path) -> None:
    found = resolve(tmp_path, str(MOTO_PYTHON), platform, [f"moto[server]=={MOTO_VERSION}"], ("--only-binary", ":all:"))
    assert found["moto"] == MOTO_VERSION


@every_platform
def test_uv_of_the_image_has_a_wheel(platform: str, tmp_path: Path) -> None:
    wanted = [f"uv=={version('uv')}"]
    assert resolve(tmp_path, "3.12", platform, wanted, ("--only-binary", ":all:"))["uv"] == version("uv")
