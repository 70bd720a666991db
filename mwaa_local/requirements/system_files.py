"""What source builds ask of the system, and whether MWAA's image has it: the table of `releases/system_files.toml`.

Not for what a build asked for: that is `build_words`.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from mwaa_local.release import CATALOGUE_DIR, Release

TABLE_PATH = CATALOGUE_DIR / "system_files.toml"
# The image's Python is compiled and installed with its headers, which no system package has.
PYTHON_HEADERS = ("Python.h", "pyconfig.h", "structmember.h", "frameobject.h")
FOLDER_END = "/"


class Kind(Enum):
    """What a build asks for; the value is the key in the table."""

    PROGRAM = "programs"
    HEADER = "headers"
    PKG_CONFIG = "pkg_config"
    LIBRARY = "libraries"
    CMAKE = "cmake"


_WORDS = {
    Kind.PROGRAM: "{}",
    Kind.HEADER: "the header {}",
    Kind.PKG_CONFIG: "{} for pkg-config",
    Kind.LIBRARY: "the library {}",
    Kind.CMAKE: "{} for CMake",
}


@dataclass(frozen=True)
class Need:
    """What a build did not find. Any of the names would do."""

    kind: Kind
    names: tuple[str, ...]

    def __str__(self) -> str:
        """Return it in words: `the header lber.h`."""
        *others, last = self.names
        return _WORDS[self.kind].format(f"{', '.join(others)} or {last}" if others else last)

    @property
    def bare(self) -> str:
        """The same without an article: `header lber.h`."""
        return str(self).removeprefix("the ")


@dataclass(frozen=True)
class Part:
    """System packages of which any brings something. `is_offered`: Amazon Linux 2023 has the first to install."""

    packages: tuple[str, ...]
    is_offered: bool


@dataclass(frozen=True)
class Lacking:
    """What MWAA's image lacks of what a build needs: any of these parts."""

    parts: tuple[Part, ...]

    @property
    def first(self) -> str:
        """The package that would bring it."""
        return self.parts[0].packages[0]

    @property
    def offered(self) -> str:
        """The package that a startup script can install, "" where none is known."""
        return next((part.packages[0] for part in self.parts if part.is_offered), "")


@dataclass(frozen=True)
class Present:
    """MWAA's image has what a build needs; `package` brings it, "" for a header of the image's own Python."""

    package: str


def in_image(need: Need, release: Release) -> Present | Lacking | None:
    """Return whether the release's image has what a build needs; None where that is not known.

    That something is lacking is said only where the list of system packages is complete, and the table knows every
    name that would do.
    """
    if need.kind is Kind.HEADER and any(name in PYTHON_HEADERS for name in need.names):
        return Present("")
    parts = [_part(need.kind, name) for name in need.names]
    known = [part for part in parts if part is not None]
    for package in (name for part in known for name in part.packages):
        if package in release.system_packages:
            return Present(package)
    if len(known) < len(parts) or not known or not release.system_packages_complete:
        return None
    return Lacking(tuple(dict.fromkeys(known)))


def needed_by(name: str) -> tuple[Need, ...]:
    """Return what every build of a package is known to need; nothing for most packages."""
    row = _read().get("needed_by", {}).get(name, {})
    return tuple(Need(Kind(kind), (wanted,)) for kind, names in row.items() for wanted in names)


def _part(kind: Kind, name: str) -> Part | None:
    table = _table()
    if kind is not Kind.HEADER:
        return table.get((kind, name))
    folders = (name[: place + 1] for place, letter in enumerate(name) if letter == FOLDER_END)
    return next((part for key in (name, *folders) if (part := table.get((kind, key)))), None)


@functools.cache
def _read() -> dict[str, Any]:
    return tomllib.loads(TABLE_PATH.read_text(encoding="utf-8"))


@functools.cache
def _table() -> dict[tuple[Kind, str], Part]:
    """Return the table, by kind and name."""
    return {key: part for row in _read()["part"] for key, part in _rows(row)}


def _rows(row: dict[str, list[str]]) -> Iterator[tuple[tuple[Kind, str], Part]]:
    part = Part(tuple(row["packages"]), bool(row.get("offered", False)))
    for kind in Kind:
        for name in row.get(kind.value, ()):
            yield (kind, name), part
