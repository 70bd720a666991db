"""What uv's words mean. Pure.

uv has exit codes for "no versions fit" and for its own failures, and no form for machines of why. Its sentences are
read here and nowhere else; each name in them comes with `==` or another sign before the version, so that names are
found by that and not by the words around. Not for how uv is asked: that is `resolver`.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass

from packaging.utils import canonicalize_name

GIST_LINES = 6
_NOT_REACHED = re.compile(
    r"error sending request|dns error|client error \(Connect\)|Could not connect|Failed to fetch|operation timed out"
    r"|HTTP status (?:client|server) error \((?:4(?!04)|5)\d\d|Git operation failed|network was disabled"
)
_NO_SOLUTION = re.compile(r"No solution found|was not found in the (?:package registry|provided package locations)")
_NO_INTERPRETER = "No interpreter found"
_FAILED_BUILD = re.compile(r"Failed to (?:download and )?build `([^`=@ ]+)==([^`]+)`")
_OWN_BUILD_REQUIREMENTS = "Failed to resolve requirements from `build-system.requires`"
_NOT_UNPACKED = "Failed to extract archive"
_YANKED = re.compile(r'^warning: `([^=`]+)==[^`]+` is yanked(?: \(reason: "(.*?)"?\)?$)?', re.MULTILINE)
_CAUSE = re.compile(r"^(?:error: |  cause: |\s+)")
_WARNING = "warning:"
_HEADLINE = "No solution found"
_NOT_THERE = re.compile(r"(\S+) was not found in the (?:package registry|provided package locations)")
_NO_VERSION = re.compile(
    r"there (?:is|are) no versions? of \S+|only (?:the following versions of )?\S+ (?:is|are) available"
)
_PYTHON = re.compile(r"(?:requested|current) Python version \([^)]*\) does not satisfy Python([<>=!~.0-9,* ]+)")
_OF_PYTHON = re.compile(r"(\S+) depends on Python")
_NO_WHEELS = re.compile(r"(\S+) has no (?:usable wheels|wheels with a matching)")
# Of a repository that git did not fetch: places of this machine, and how git was called.
_OF_THIS_MACHINE = re.compile(
    r"failed to (?:clone|fetch) into: |process didn't exit successfully: |--- std(?:err|out)$"
)
_WORD = re.compile(r"^[a-z0-9][a-z0-9.-]*")
_MARKER = r"(?:\{[^}]*\})?"  # may stand between name and version


def said(output: str) -> str:
    """Return what uv says went wrong, without warnings and without its marks of an error."""
    lines = [line for line in output.splitlines() if not line.startswith(_WARNING)]
    told = (_CAUSE.sub("", line).strip() for line in lines if line.strip())
    return "\n".join(line for line in told if not _OF_THIS_MACHINE.match(line))


def is_not_reached(text: str) -> bool:
    """Say whether an index, or another address, could not be reached."""
    return _NOT_REACHED.search(text) is not None


def is_no_solution(text: str) -> bool:
    """Say whether uv looked, and found no versions that fit."""
    return _NO_SOLUTION.search(text) is not None


def is_no_interpreter(text: str) -> bool:
    """Say whether there is no Python of the version that was asked for."""
    return _NO_INTERPRETER in text


def failed_build(text: str) -> tuple[str, str] | None:
    """Return name and version of the package whose build failed, where uv needed it to learn what that requires."""
    match = _FAILED_BUILD.search(text)
    return (canonicalize_name(match[1]), match[2]) if match else None


def is_of_own_build_requirements(text: str) -> bool:
    """Say whether a build failed for what the package's own pyproject.toml names to build it with."""
    return _OWN_BUILD_REQUIREMENTS in text


def is_not_unpacked(text: str) -> bool:
    """Say whether uv refused an archive for what is in it, such as names that not every system can have."""
    return _NOT_UNPACKED in text


def yanked(output: str) -> dict[str, str]:
    """Return the packages that uv warns of, with the reason as far as it fits on one line."""
    return {canonicalize_name(match[1]): match[2] or "" for match in _YANKED.finditer(output)}


@dataclass(frozen=True)
class Reasons:
    """uv's explanation of why no versions fit."""

    said: str

    @property
    def gist(self) -> str:
        """The first lines, without the one that only says that no versions fit."""
        lines = [line for line in self.said.splitlines() if _HEADLINE not in line]
        return " ".join(lines[:GIST_LINES])

    @property
    def unknown_package(self) -> str:
        """The package that no index has, or ""."""
        match = _NOT_THERE.search(self.said)
        return match[1] if match else ""

    @property
    def pythons(self) -> str:
        """The versions of Python on which something runs, where the release's is none of them; else ""."""
        match = _PYTHON.search(self.said)
        return match[1].strip().rstrip(",") if match else ""

    @property
    def of_python(self) -> str:
        """The package and version that runs on these Pythons only, "" where uv does not say."""
        match = _OF_PYTHON.search(self.said)
        return match[1] if match else ""

    @property
    def without_wheel(self) -> str:
        """The package and version that has wheels for others alone, and no source; "" for none."""
        match = _NO_WHEELS.search(self.said)
        return match[1] if match else ""

    @property
    def is_for_want_of_a_version(self) -> bool:
        """Whether an index has the package, and no such version of it."""
        return _NO_VERSION.search(self.said) is not None

    def names(self, name: str, version: str) -> bool:
        """Say whether it names exactly this version of a package; `version` is all that follows the name."""
        pattern = rf"(?<![\w.-]){re.escape(name)}{_MARKER}{re.escape(version)}(?![\w.-])"
        return re.search(pattern, self.said) is not None

    def wants(self, name: str) -> tuple[str, str] | None:
        """Return who depends on a package, and on which versions of it."""
        match = re.search(rf"(\S+) depends on {re.escape(name)}{_MARKER}([<>=!~][^ ]*)", self.said)
        return (match[1], match[2].rstrip(",")) if match else None

    def wanted_by(self, name: str, version: str) -> str:
        """Return what this version of a package depends on, or ""."""
        match = re.search(rf"{re.escape(name)}=={re.escape(version)} depends on ([^ ,]+(?:,[^ ]+)?)", self.said)
        return match[1].rstrip(",") if match else ""

    def packages(self, known: Container[str]) -> list[str]:
        """Return which of the known packages are in it, in that order, each once."""
        words = (match[0].rstrip(".-") for word in self.said.split() if (match := _WORD.match(word)))
        return [name for name in dict.fromkeys(words) if name in known]

    def mentions(self, name: str) -> bool:
        return name in self.said
