"""Packages that a project brings along itself, as its requirements file and startup script name them; only read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from mwaa_local.requirements.text import decode, logical_lines, options_start

WHEEL = re.compile(r"([A-Za-z0-9][\w.]*)-\d[^/\\]*\.whl\b")
INSTALLS = re.compile(r"\b(?:pip[\d.]*|uv)\b.*\binstall\b(.*)")
# What does not name its packages: a file of them, a variable, a folder, an address.
UNNAMED = re.compile(r"(?:^|\s)(?:-r|--requirement|-e|--editable)\b|[$`/]|(?:^|\s)\.")
NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class OwnPackages:
    """The names as an index has them. `is_open`: the startup script installs others, which cannot be told."""

    names: frozenset[str] = frozenset()
    is_open: bool = False

    @classmethod
    def read(cls, requirements_path: Path, script: str) -> OwnPackages:
        """Return those of the file, if it can be read, and of the script's text."""
        named = set(_of_file(requirements_path))
        installs = [match[1] for line in _joined(script) if (match := INSTALLS.search(line))]
        for words in installs:
            named |= {canonicalize_name(name) for name in NAME.findall(words)}
        return cls(frozenset(named), any(UNNAMED.search(words) for words in installs))

    def may_have(self, package: str) -> bool:
        """Whether the project brings it along, or may."""
        return self.is_open or canonicalize_name(package) in self.names


def _of_file(path: Path) -> Iterator[str]:
    try:
        text = decode(path.read_bytes())
    except (OSError, UnicodeDecodeError, LookupError):
        return
    for line in logical_lines(text):
        yield from map(canonicalize_name, WHEEL.findall(line.text))
        try:
            yield canonicalize_name(Requirement(line.text[: options_start(line.text)].strip()).name)
        except InvalidRequirement:  # an option, or nothing
            continue


def _joined(script: str) -> Iterator[str]:
    """Yield the script's lines, continued ones whole, without comments."""
    lines = script.replace("\\\n", " ").splitlines()
    yield from (line for line in lines if not line.lstrip().startswith("#"))
