"""A program of the package index in a virtual environment of its own: made once, in the cache, for all projects."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.cache import locks
from mwaa_local.cache.kept import CacheKind
from mwaa_local.command import Request, run
from mwaa_local.errors import PackagesUnavailable
from mwaa_local.network import build_env
from mwaa_local.place import Notes

INSTALL_TIMEOUT_S = 600.0
COMPLETE_NAME = "complete"
ERROR_LINES = 15
TOOLS_FOLDER = "aws"  # below the cache folder


def is_whole(path: Path) -> bool:
    return (path / COMPLETE_NAME).is_file()


def tool_pattern(name: str) -> str:
    """Return what matches the folders of a program's environments, of whichever version."""
    return rf"{name}-[\w.]+-python\d+\.\d+"


@dataclass(frozen=True)
class Tool:
    """One program. `name` is the beginning of its folder's, with the version; `purpose` and `hint` are for people."""

    kept: CacheKind
    name: str
    requirement: str
    purpose: str
    hint: str

    def find_or_make(
        self, cache_dir: Path, env: Mapping[str, str], say: Callable[[str], None], notes: Notes | None = None
    ) -> Path:
        """Return the folder of the environment, making it the first time.

        Raises PackagesUnavailable when the program is not to be had.
        """
        name = f"{self.name}-python{sys.version_info.major}.{sys.version_info.minor}"
        target_dir = self.kept.path(cache_dir, name)
        if notes is not None:
            notes.note(self.kept.kind, name)
        while not (is_whole(target_dir) and locks.hold(target_dir)):  # it may be removed between the two
            with locks.taken(locks.lock_path(target_dir)):
                if not is_whole(target_dir):
                    say(f"installing {self.requirement}, once for all projects")
                    self._install(target_dir, env)
        return target_dir

    def _install(self, target_dir: Path, env: Mapping[str, str]) -> None:
        from uv import find_uv_bin

        shutil.rmtree(target_dir, ignore_errors=True)
        uv = (find_uv_bin(), "--no-progress", "--color", "never")
        python = str(target_dir / "bin" / "python")
        for argv in (
            (*uv, "venv", "--python", sys.executable, str(target_dir)),
            (*uv, "pip", "install", "--python", python, "--compile-bytecode", self.requirement),
        ):
            completed = run(Request(argv, build_env(env), Path("/"), INSTALL_TIMEOUT_S))
            if not completed.ok:
                raise PackagesUnavailable(
                    f"could not install {self.requirement} {self.purpose}",
                    "\n".join(completed.output.strip().splitlines()[-ERROR_LINES:]),
                    f"check that the package index answers, {self.hint}",
                )
        (target_dir / COMPLETE_NAME).touch()
