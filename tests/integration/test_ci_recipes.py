"""The files of docs/ci do what they say: each one's commands run in their order, as a CI job runs them.

A job has an empty home, a Python without mwaa-local for the first of them, and a checkout of the sample project. The
one thing that it is given is where pip finds mwaa-local: as a wheel of this checkout.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from mwaa_local.command import Request, run
from tests.conftest import REPOSITORY_DIR, make_clean_env
from tests.unit.documents import CI_FILES, name_of
from tests.wheels import build_own_wheel

pytestmark = [pytest.mark.full, pytest.mark.network]

COMMAND_TIMEOUT_S = 400.0
SAMPLE_FOLDERS = ("dags", "plugins", "requirements", "startup")


@dataclass(frozen=True)
class Job:
    """What a CI job runs: its variables, and its command lines in their order."""

    env: Mapping[str, str]
    lines: tuple[str, ...]


def job_of(path: Path, checkout_dir: Path) -> Job:
    """Return the job that the file describes to GitHub, GitLab or CodeBuild."""
    plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    env, lines = _PARTS[path.name](plain)
    return Job(
        {name: str(value).replace("$CI_PROJECT_DIR", str(checkout_dir)) for name, value in env.items()}, tuple(lines)
    )


def _github(plain: Mapping[str, Any]) -> tuple[Mapping[str, str], list[str]]:
    job = plain["jobs"]["mwaa"]
    lines = [line for step in job["steps"] for line in step.get("run", "").splitlines()]
    return {**job["env"], "GITHUB_ACTIONS": "true"}, lines


def _gitlab(plain: Mapping[str, Any]) -> tuple[Mapping[str, str], list[str]]:
    return plain["mwaa"]["variables"], [*plain["mwaa"]["before_script"], *plain["mwaa"]["script"]]


def _codebuild(plain: Mapping[str, Any]) -> tuple[Mapping[str, str], list[str]]:
    return plain["env"]["variables"], [line for phase in plain["phases"].values() for line in phase["commands"]]


_PARTS = {"github-actions.yml": _github, "gitlab-ci.yml": _gitlab, "buildspec.yml": _codebuild}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return build_own_wheel(folder, make_clean_env(folder))


@pytest.fixture(scope="module")
def python_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("python")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder


@pytest.fixture
def checkout_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "project"
    for name in SAMPLE_FOLDERS:
        shutil.copytree(REPOSITORY_DIR / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY_DIR / "mwaa.yaml", folder)
    yield folder
    subprocess.run([sys.executable, "-m", "mwaa_local", "down", "--now"], cwd=folder, check=False, capture_output=True)


@pytest.mark.parametrize("path", CI_FILES, ids=name_of)
def test_recipe_passes_as_written(
    path: Path, wheel: Path, python_dir: Path, checkout_dir: Path, tmp_path: Path
) -> None:
    job = job_of(path, checkout_dir)
    programs = [" ".join(line.split()[:2]) for line in job.lines]
    assert programs == ["pip install", "mwaa-local check", "mwaa-local smoke"]
    env = {**make_clean_env(tmp_path), **job.env, "CI": "true", "PIP_FIND_LINKS": str(wheel.parent)}
    del env["PYTHONPATH"]  # what is tested is what pip installs
    env["PATH"] = f"{python_dir / 'bin'}:{env['PATH']}"
    for line in job.lines:
        done = run(Request(["bash", "-euo", "pipefail", "-c", line], env, checkout_dir, COMMAND_TIMEOUT_S))
        assert done.ok, f"{line}\n{done.output}"
    suites = ET.parse(checkout_dir / "smoke.xml").getroot()
    assert int(suites.get("tests", "0")) > 0
    assert (suites.get("failures"), suites.get("errors")) == ("0", "0")
    assert any((checkout_dir / "smoke-logs").rglob("*.log"))
    left = [process for process in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(process.info["cmdline"])]
    assert left == []
