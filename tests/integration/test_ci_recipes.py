"""The files of docs/ci do what they say: their commands run on the sample project, as a CI job would run them."""

from __future__ import annotations

import shutil
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from mwaa_local.command import Completed, Request, run
from tests.conftest import REPOSITORY_DIR, ProjectRunner, make_clean_env
from tests.unit.test_docs import CI_FILES, name_of, recipe_lines

pytestmark = [pytest.mark.slow, pytest.mark.network]

COMMAND_TIMEOUT_S = 400.0
COMMANDS = sorted({line for path in CI_FILES for line in recipe_lines(path) if line.startswith("mwaa-local ")})


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectRunner]:
    """A fresh checkout of the sample project, and `mwaa-local` on PATH."""
    home_dir = tmp_path_factory.mktemp("ci")
    runner = ProjectRunner(home_dir / "project", make_clean_env(home_dir))
    runner.root_dir.mkdir()
    for name in ("dags", "plugins", "requirements", "startup"):
        shutil.copytree(REPOSITORY_DIR / name, runner.root_dir / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY_DIR / "mwaa.yaml", runner.root_dir)
    program = home_dir / "bin" / "mwaa-local"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mwaa_local "$@"\n')
    program.chmod(0o755)
    runner.env["PATH"] = f"{program.parent}:{runner.env['PATH']}"
    yield runner
    runner.run("down", "--now")


def shell(runner: ProjectRunner, line: str) -> Completed:
    return run(Request(["bash", "-euo", "pipefail", "-c", line], runner.env, runner.root_dir, COMMAND_TIMEOUT_S))


def test_every_recipe_checks_and_smokes() -> None:
    for path in CI_FILES:
        begins = {" ".join(line.split()[:2]) for line in recipe_lines(path)}
        assert {"mwaa-local check", "mwaa-local smoke"} <= begins, name_of(path)


@pytest.mark.parametrize("line", COMMANDS)
def test_command_of_a_recipe_succeeds_on_the_sample_project(checkout: ProjectRunner, line: str) -> None:
    done = shell(checkout, line)
    assert done.ok, done.output
    if "smoke" not in line.split():
        return
    words = line.split()
    suites = ET.parse(checkout.root_dir / words[words.index("--junit") + 1]).getroot()
    assert int(suites.get("tests", "0")) > 0
    assert suites.get("failures") == "0"
    assert any(Path(checkout.root_dir, words[words.index("--artifacts") + 1]).rglob("*.log"))
    assert "nothing is running" in checkout.run("down").stderr
