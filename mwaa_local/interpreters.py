"""Where interpreters may be on this machine, and what to say when another one than MWAA's stands in.

Not for asking them: uv does that (`packages`), which passes over every virtual environment on PATH.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

# Where distributions and installers put interpreters; PATH may lack them, as in a cron job.
SYSTEM_DIRS = ("/usr/local/bin", "/usr/bin", "/opt/homebrew/bin")
# Below one of these, uv keeps the interpreters that it downloads; without it, it looks below HOME.
MANAGED_VARIABLE = "XDG_DATA_HOME"


def search_path(env: Mapping[str, str]) -> str:
    """Return the value of PATH with which to look for interpreters, each folder once.

    pyenv's versions come first, then the caller's PATH, then the interpreter that mwaa-local's own virtual environment
    was made from: on PATH there may be nothing of it but that environment. The system's folders come last.
    """
    folders = [*_pyenv_dirs(env), *_without_shims(env.get("PATH", os.defpath)), *_own_dirs(), *SYSTEM_DIRS]
    return os.pathsep.join(dict.fromkeys(folders))


def _pyenv_dirs(env: Mapping[str, str]) -> Iterator[str]:
    """Yield the `bin` folders of pyenv's versions: its shims, which are on PATH, run only the chosen version."""
    roots = (Path(env[name]) / below for name, below in (("PYENV_ROOT", ""), ("HOME", ".pyenv")) if env.get(name))
    for root in dict.fromkeys(roots):
        if os.access(root / "versions", os.R_OK | os.X_OK):  # not so PYENV_ROOT of another user, kept by su or sudo
            yield from (str(folder) for folder in sorted(root.glob("versions/*/bin")))


def _without_shims(path: str) -> list[str]:
    return [folder for folder in path.split(os.pathsep) if not folder.endswith("/.pyenv/shims")]


def _own_dirs() -> list[str]:
    own: str = getattr(sys, "_base_executable", "") or sys.executable  # only CPython has the first
    return list(dict.fromkeys(str(folder) for folder in (Path(own).parent, Path(own).resolve().parent))) if own else []


def stand_in_note(wanted: str, version: str) -> str:
    """Return what is different when this version is used instead of MWAA's minor version."""
    return f"Python {version} is used instead of MWAA's {wanted}: packages and syntax may differ"


def stand_in_hint(wanted: str) -> str:
    """Return how to get the right one."""
    return (
        f"install Python {wanted}, for example: pyenv install {wanted}; it is found on PATH and among pyenv's versions"
    )
