"""Which modules a version of a provider has: from an installed package set, else from its wheel.

Not for what follows for a DAG: that is `provider_modules`.
"""

from __future__ import annotations

import ast
import contextlib
import csv
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import canonicalize_name, canonicalize_version

from mwaa_local.cache import locks
from mwaa_local.cache.kept import RANDOM, CacheKind, begins_as_json
from mwaa_local.cache.users import User
from mwaa_local.packages import KEPT as PACKAGES

# All of them are one item; a `.new` is what an interrupted command was writing.
KEPT = CacheKind(
    "provider modules",
    "provider-modules",
    rf"[a-z0-9-]+-[\w.!+-]+\.json|tmp{RANDOM}\.new",
    begins_as_json,
    item="provider-modules",
)
# Raised when what is kept of a provider changes.
FORMAT = 1
INIT = "__init__"
PROVIDERS_PATH = ("airflow", "providers")

Unpack = Callable[[str, str], Path | None]  # name, version -> a folder with that wheel's files


@dataclass(frozen=True)
class Listing:
    """The modules of one version of a provider, packages included.

    `open` are those packages whose `__init__.py` may define names; out of the others only modules can be imported.
    """

    modules: frozenset[str]
    open: frozenset[str]

    def has(self, module: str, name: str) -> bool:
        """Whether `from module import name` finds both; what a module defines is not known, so that any name passes."""
        if module not in self.modules:
            return False
        is_plain = self._is_package(module) and module not in self.open
        return not name or not is_plain or f"{module}.{name}" in self.modules

    def _is_package(self, module: str) -> bool:
        return any(other.startswith(f"{module}.") for other in self.modules)


@dataclass
class Listings:
    """Listings of providers, each looked up once and kept below the cache folder."""

    cache_dir: Path
    unpack: Unpack
    user: User | None = None
    _known: dict[tuple[str, str], Listing | None] = field(default_factory=dict)

    def of(self, name: str, version: str) -> Listing | None:
        """Return the modules of that version; None if they cannot be found."""
        key = (canonicalize_name(name), version)
        if key not in self._known:
            if self.user is not None and not self._known:
                self.user.note(KEPT.kind, KEPT.item)
            self._known[key] = self._read(*key) or self._look_up(*key)
        return self._known[key]

    def _look_up(self, name: str, version: str) -> Listing | None:
        folders = sorted(self.cache_dir.glob(f"{PACKAGES.folder}/*/lib/python*/site-packages"))
        listing = next((found for folder in folders if (found := list_modules(folder, name, version))), None)
        if listing is None and (unpacked := self.unpack(name, version)) is not None:
            listing = list_modules(unpacked, name, version)
        if listing is not None:
            self._write(name, version, listing)
        return listing

    def _path(self, name: str, version: str) -> Path:
        return KEPT.path(self.cache_dir, f"{name}-{version}.json")

    def _read(self, name: str, version: str) -> Listing | None:
        try:
            kept = json.loads(self._path(name, version).read_text(encoding="utf-8"))
            if kept["format"] != FORMAT:
                return None
            locks.stamp(self._path(name, version))
            return Listing(frozenset(map(str, kept["modules"])), frozenset(map(str, kept["open"])))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _write(self, name: str, version: str, listing: Listing) -> None:
        path = self._path(name, version)
        kept = {"format": FORMAT, "modules": sorted(listing.modules), "open": sorted(listing.open)}
        with contextlib.suppress(OSError):  # only time is lost
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".new", delete=False) as file:
                json.dump(kept, file)
            Path(file.name).replace(path)  # whole or not at all, whoever else writes it


def list_modules(folder: Path, name: str, version: str) -> Listing | None:
    """Return the modules below `airflow.providers` of a package installed in `folder`; None where it is not there."""
    info = _info_dir(folder, name, version)
    if info is None:
        return None
    try:
        with (info / "RECORD").open(encoding="utf-8", newline="") as file:
            paths = [Path(row[0]) for row in csv.reader(file) if row]
    except (OSError, ValueError, csv.Error):
        return None
    modules: set[str] = set()
    opened: set[str] = set()
    for path in paths:
        if path.suffix != ".py" or path.parts[:2] != PROVIDERS_PATH or ".." in path.parts:
            continue
        parts = path.parts[:-1] if path.stem == INIT else (*path.parts[:-1], path.stem)
        modules.update(".".join(parts[:length]) for length in range(len(PROVIDERS_PATH) + 1, len(parts) + 1))
        if path.stem == INIT and not _is_plain(folder / path):
            opened.add(".".join(parts))
    return Listing(frozenset(modules), frozenset(opened))


def _info_dir(folder: Path, name: str, version: str) -> Path | None:
    wanted = (name, canonicalize_version(version))
    for path in folder.glob("*.dist-info"):
        found_name, _, found_version = path.name.removesuffix(".dist-info").partition("-")
        if (canonicalize_name(found_name), canonicalize_version(found_version)) == wanted:
            return path
    return None


def _is_plain(path: Path) -> bool:
    """Whether a module defines nothing: texts and `from __future__` alone."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(
        (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.ImportFrom) and node.module == "__future__")
        for node in tree.body
    )
