"""What all tests share: a project that speaks the product's language, and a guard against leaked variables."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY_DIR = Path(__file__).parents[1]
# Real package sets and database templates take minutes to build, so they outlive the test session.
TEST_CACHE_VARIABLE = "MWAA_LOCAL_TEST_CACHE_DIR"
DROPPED_PREFIXES = ("PIP_", "AIRFLOW", "AWS_", "MWAA", "PYTHON", "XDG_", "VIRTUAL_ENV", "PYTEST")
RUN_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Outcome:
    """How one run of the command ended."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class ProjectRunner:
    """One project folder and the environment in which `mwaa-local` is run in it."""

    root_dir: Path
    env: Mapping[str, str] = field(repr=False)

    def run(self, *words: str, timeout_s: float = RUN_TIMEOUT_S, env: Mapping[str, str] | None = None) -> Outcome:
        """Run `mwaa-local` with these words in the project's folder."""
        completed = subprocess.run(
            [sys.executable, "-m", "mwaa_local", *words],
            cwd=self.root_dir,
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return Outcome(completed.returncode, completed.stdout, completed.stderr)

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root_dir / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def cache_dir() -> Path:
    """Return where tests keep package sets between sessions."""
    named = os.environ.get(TEST_CACHE_VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "mwaa-local-tests"


@pytest.fixture
def clean_env(tmp_path: Path) -> dict[str, str]:
    """The caller's environment without what changes how tools behave; HOME is an empty folder."""
    home_dir = tmp_path / "home"
    home_dir.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED_PREFIXES)}
    return {
        **kept,
        "HOME": str(home_dir),
        "PYTHONPATH": str(REPOSITORY_DIR),  # the tree under test, whatever is installed
        "MWAA_LOCAL_CACHE_DIR": str(cache_dir()),
        # uv's own cache and interpreters stay where they are: they are not the product's.
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")),
        "PYENV_ROOT": os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")),
    }


@pytest.fixture
def project(tmp_path: Path, clean_env: dict[str, str]) -> Iterator[Callable[..., ProjectRunner]]:
    """Make a project from {path: text}; what still runs in it at the end of the test is stopped."""
    made: list[ProjectRunner] = []

    def make(files: Mapping[str, str] | None = None, name: str = "project") -> ProjectRunner:
        runner = ProjectRunner(tmp_path / name, clean_env)
        runner.root_dir.mkdir(parents=True)
        runner.write(files or {})
        made.append(runner)
        return runner

    yield make
    for runner in made:
        if (runner.root_dir / ".mwaa-local" / "run" / "state.json").exists():
            runner.run("down", "--now")


@pytest.fixture(autouse=True)
def no_leaked_variables() -> Iterator[None]:
    """Fail a test that leaves environment variables changed, and put them back for the next one."""
    before = dict(os.environ)
    yield
    names = {*before, *os.environ} - {"PYTEST_CURRENT_TEST"}
    leaked = sorted(name for name in names if before.get(name) != os.environ.get(name))
    for name in leaked:
        if name in before:
            os.environ[name] = before[name]
        else:
            os.environ.pop(name, None)
    assert not leaked, f"the test changed environment variables: {', '.join(leaked)}"
