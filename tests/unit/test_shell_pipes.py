"""No shell code of the repository pipes into a command that stops reading early.

Under `pipefail` the writer's SIGPIPE is then the pipeline's failure, now and then, as the two happen to be scheduled.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY_DIR

SHELL_FILES = (
    *(REPOSITORY_DIR / name for name in ("Makefile", ".ci/run", "docker/Dockerfile")),
    *sorted((REPOSITORY_DIR / "docs" / "ci").glob("*.yml")),
    *sorted((REPOSITORY_DIR / "mwaa_local" / "support").glob("*.sh")),
    *sorted((REPOSITORY_DIR / "startup").glob("*.sh")),
    *sorted((REPOSITORY_DIR / "tests" / "engine").rglob("*.sh")),
    *sorted((REPOSITORY_DIR / "tests" / "engine").rglob("Dockerfile")),
)
ENDS_EARLY = re.compile(
    r"\|&?\s*(?:\w+=\S*\s+)*"
    r"(?:head\b"
    r"|[ef]?grep\s+(?:\S+\s+)*?(?:-\w*q|--quiet|--silent|-\w*m\s*\d|--max-count)"
    r"|sed\s+[^|\n]*?['\"; \d/$]q\b"
    r"|awk\s+[^|\n]*?\bexit\b"
    r"|read\b)"
)
CONTINUED = re.compile(r"\\?\n\s*(?=\|)|(?<=\|)\s*\\?\n\s*")  # a pipeline over several lines
FINDS_PYTHON = re.compile(r"^ *(python=\$\(.*?\)); \\$", re.MULTILINE)
DOCKERFILE_SHELL = ("/bin/bash", "-euo", "pipefail", "-c")  # its SHELL


@pytest.mark.parametrize("path", SHELL_FILES, ids=lambda path: str(path.relative_to(REPOSITORY_DIR)))
def test_no_pipe_ends_in_a_command_that_stops_reading(path: Path) -> None:
    text = CONTINUED.sub(" ", path.read_text(encoding="utf-8"))
    assert [line.strip() for line in text.splitlines() if ENDS_EARLY.search(line)] == []


@pytest.mark.parametrize(
    "line",
    [
        "python=$(command -v python3.12 python3 | head -n 1)",
        "if readelf -d x | grep -qE PATH; then",
        "docker info | grep -E -q overlay",
        "ls | grep -m 1 x",
        "ls | sed 1q",
        "ls | sed -n '/x/{p;q}'",
        "ls | awk '{ print; exit }'",
        "ls | LC_ALL=C head",
        "ls | read -r first",
    ],
)
def test_early_end_is_recognised(line: str) -> None:
    assert ENDS_EARLY.search(line)


@pytest.mark.parametrize(
    "line",
    [
        "ls | grep -E x >/dev/null",
        "ls | sed -n 1p",
        "grep -q x file || fail",
        "ls | while read -r x; do",
        "ls | sort -u",
    ],
)
def test_reader_to_the_end_is_let_pass(line: str) -> None:
    assert not ENDS_EARLY.search(line)


def python_lines() -> set[str]:
    return set(FINDS_PYTHON.findall((REPOSITORY_DIR / "docker" / "Dockerfile").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("programs", "found"), [(("python3.7", "python3"), "python3.7"), (("python3",), "python3"), ((), None)]
)
def test_dockerfile_finds_python_of_the_release(tmp_path: Path, programs: tuple[str, ...], found: str | None) -> None:
    for name in programs:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    (line,) = python_lines()
    env = {"PATH": str(tmp_path), "PYTHON_VERSION": "3.7"}
    done = subprocess.run(
        [*DOCKERFILE_SHELL, f'{line}; echo "$python"'], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) is (found is not None)
    assert done.stdout == (f"{tmp_path / found}\n" if found else "")
