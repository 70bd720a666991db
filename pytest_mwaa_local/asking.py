"""Ask `mwaa-local` something, as a user would. What it says on failure becomes the failure of the test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

EMPTY: Mapping[str, str] = {}


@dataclass(frozen=True)
class MwaaLocal:
    """The command line for one project. `runtime` is "" for the project's own choice."""

    project_dir: Path
    runtime: str = ""

    @property
    def runtime_words(self) -> tuple[str, ...]:
        return ("--runtime", self.runtime) if self.runtime else ()

    def json(self, *words: str, accept: Sequence[int] = (0,), variables: Mapping[str, str] = EMPTY) -> dict[str, Any]:
        """Return what a command prints as JSON. Another exit code than these fails the test with what it said."""
        completed = self.run(*words, variables=variables)
        try:
            plain = json.loads(completed.stdout) if completed.returncode in accept else None
        except ValueError:
            plain = None
        if not isinstance(plain, dict):
            self._fail(words, completed)
        return plain

    def say(self, *words: str) -> str:
        """Return a command's output; one that fails fails the test."""
        completed = self.run(*words)
        if completed.returncode != 0:
            self._fail(words, completed)
        return completed.stdout

    def run(self, *words: str, variables: Mapping[str, str] = EMPTY) -> subprocess.CompletedProcess[str]:
        """Run a command; `variables` are beside those of pytest."""
        argv, env = [sys.executable, "-m", "mwaa_local", *words], {**os.environ, **variables}
        return subprocess.run(
            argv, cwd=self.project_dir, env=env, capture_output=True, encoding="utf-8", errors="replace", check=False
        )

    @staticmethod
    def _fail(words: Sequence[str], completed: subprocess.CompletedProcess[str]) -> NoReturn:
        said = (completed.stderr or completed.stdout).strip()
        pytest.fail(f"mwaa-local {' '.join(words)} ended with exit code {completed.returncode}\n{said}", pytrace=False)
