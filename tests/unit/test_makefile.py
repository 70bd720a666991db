"""The Makefile's installation: pip speaks only when it fails. The programs that it runs are small stand-ins."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY_DIR

# What `python3 -m venv` and `python -m pip` are: the latter warns, and ends with the given code.
PYTHON = """#!/bin/sh
case "$*" in
  *"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *"-m pip"*) echo "WARNING: Location 'file:///wheels' is ignored" >&2; echo "pip: $*" ; exit {code} ;;
esac
"""


@pytest.mark.parametrize("code", [0, 1])
def test_pip_is_heard_only_when_it_fails(tmp_path: Path, code: int) -> None:
    (tmp_path / "Makefile").write_text((REPOSITORY_DIR / "Makefile").read_text())
    (tmp_path / "pyproject.toml").write_text('dependencies = [\n    "uv==0.0.1",\n]\n')
    python = tmp_path / "python"
    python.write_text(PYTHON.format(code=code))
    python.chmod(0o755)
    made = subprocess.run(
        ["make", f"PYTHON={python}", ".venv/.dev"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (made.returncode == 0) is (code == 0), made.stderr
    assert ("WARNING: Location" in made.stdout + made.stderr) is (code == 1)
    assert (tmp_path / ".venv" / ".dev").exists() is (code == 0)


@pytest.mark.parametrize(
    ("words", "variables", "started"),
    [
        (["AIRFLOW_VERSION=2.8.1"], {}, "up --airflow-version 2.8.1 --run hello_mwaa"),
        (["AIRFLOW_VERSION=1.10.12"], {}, "up --airflow-version 1.10.12"),
        ([], {}, "up --run hello_mwaa"),
        ([], {"AIRFLOW_VERSION": "2.8.1"}, "up --run hello_mwaa"),  # in many shells, for other purposes
        (["ARGS=--port 0"], {}, "up --run hello_mwaa --port 0"),
    ],
)
def test_up_takes_the_release_that_the_command_line_names(
    words: list[str], variables: dict[str, str], started: str
) -> None:
    shown = subprocess.run(
        ["make", "--dry-run", "up", *words],
        cwd=REPOSITORY_DIR,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    last = shown.stdout.splitlines()[-1]
    assert last.split("/mwaa-local ", 1)[1].split() == started.split()
