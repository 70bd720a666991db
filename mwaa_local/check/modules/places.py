"""Where a project has a module: below the folders that MWAA's Python looks in, deeper in them, or elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.check.modules.names import NAMESPACE

TOPS = ("dags", "plugins")  # of MWAA's home: Airflow puts both on Python's path, and not the home itself
MAX_FOLDERS = 5_000  # that are looked through; a project has far fewer
MAX_PLACES = 3  # named in a message
# Of no project: installed packages, builds, and what starts with a dot.
SKIPPED_FOLDERS = frozenset(("__pycache__", "build", "dist", "node_modules", "site-packages", "venv"))
_STATEMENT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import\s+(?:\(\s*)?(\w+)?|import\s+(.+))")


@dataclass(frozen=True)
class Place:
    """A module in a project's folder. `path` is below the root: `dags/team/helpers.py`, `plugins/operators`."""

    path: str

    @property
    def top(self) -> str:
        return self.path.partition("/")[0]

    @property
    def dotted(self) -> str:
        """The name to import it by, if its top folder is one of TOPS."""
        return self.path.partition("/")[2].removesuffix(".py").replace("/", ".")


def module_below(root_dir: Path, top: str, module: str) -> Place | None:
    """Return the module that Python would find from that folder on; None where there is none."""
    path = root_dir.joinpath(top, *module.split("."))
    if path.with_name(f"{path.name}.py").is_file():
        return Place(_shown(path.with_name(f"{path.name}.py"), root_dir))
    return Place(_shown(path, root_dir)) if _has_sources(path) else None


def longest_below(root_dir: Path, top: str, module: str) -> Place | None:
    """Return the module, or the longest beginning of its name that is there: what follows may be one of its names."""
    parts = module.split(".")
    found = (module_below(root_dir, top, ".".join(parts[:length])) for length in range(len(parts), 0, -1))
    return next((place for place in found if place is not None), None)


def modules_named(root_dir: Path, module: str) -> tuple[Place, ...]:
    """Return the modules of that dotted name anywhere in the project, those that MWAA gets first."""
    found = [place for folder in _folders(root_dir) if (place := module_below(root_dir, folder, module)) is not None]
    return tuple(sorted(found, key=lambda place: (place.top not in TOPS, place.path.count("/"), place.path)))


def _folders(root_dir: Path) -> Iterator[str]:
    """Yield the folders below the root, "" for itself, those of no project left out."""
    for number, (name, folders, _) in enumerate(os.walk(root_dir)):
        if number >= MAX_FOLDERS:
            return
        folders[:] = sorted(item for item in folders if item not in SKIPPED_FOLDERS and not item.startswith("."))
        shown = _shown(Path(name), root_dir)
        yield "" if shown == "." else shown


def _has_sources(path: Path) -> bool:
    """Whether Python takes a folder for a package with something in it."""
    if not path.is_dir():
        return False
    return any(item.suffix == ".py" or (item / "__init__.py").is_file() for item in path.iterdir())


def _shown(path: Path, root_dir: Path) -> str:
    return path.relative_to(root_dir).as_posix()


def wanted_module(missing: str, trace: Sequence[str]) -> str:
    """Return all that the failed import asks for, as `dags.shared.names` where Python says no more than `dags`.

    `trace` ends with the line of the source that failed.
    """
    for line in reversed(trace):
        for module, name in _imported(line):
            if module == missing or module.startswith(f"{missing}."):
                return _joined(module, name, missing)
    return missing


def _joined(module: str, name: str, missing: str) -> str:
    """Return the whole; what is taken out of a module may be one, too, if the module was not found itself."""
    return f"{module}.{name}" if name and module in (missing, NAMESPACE) else module


def _imported(line: str) -> list[tuple[str, str]]:
    """Return module and name of what a line imports."""
    found = _STATEMENT.match(line)
    if found is None:
        return []
    if found[1]:
        return [(found[1], found[2] or "")]
    return [(part.split()[0], "") for part in found[3].split(",") if part.split()]
