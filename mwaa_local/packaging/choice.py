"""Which file of each package to take: a wheel that fits MWAA, else a source archive to build one from. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion

from mwaa_local.check.binaries import glibc_minor, python_minor, wheel_tags
from mwaa_local.check.requirements.resolver import Package
from mwaa_local.check.requirements.verdict import SourceOnly
from mwaa_local.release import Release

WHEEL_SUFFIX = ".whl"
ANY_PLATFORM = "any"


@dataclass(frozen=True)
class File:
    """A file to fetch. `digest` is the index's SHA-256, "" if it gives none."""

    name: str  # of the package
    version: str
    filename: str
    url: str
    digest: str

    @property
    def is_wheel(self) -> bool:
        return self.filename.endswith(WHEEL_SUFFIX)


def choose(
    packages: Mapping[str, Package], metadata: Mapping[str, Mapping[str, Any]], release: Release
) -> tuple[tuple[File, ...], tuple[SourceOnly, ...]]:
    """Return the file of each package, by name, and the packages that have none, with the reason.

    `metadata` is that of `locking.locked`.
    """
    files: list[File] = []
    without: list[SourceOnly] = []
    for name, item in sorted(packages.items()):
        found = _of_url(item, release) if item.url else _of_index(item, metadata.get(name, {}), release)
        if isinstance(found, File):
            files.append(found)
        else:
            without.append(SourceOnly(name, item.version or item.url, found))
    return tuple(files), tuple(without)


def fits(filename: str, release: Release) -> bool:
    """Whether pip on MWAA takes a wheel of that name."""
    return not _tags(filename).isdisjoint(wheel_tags(python_minor(release), glibc_minor(release)))


def is_pure(filename: str) -> bool:
    """Whether a wheel is for any platform."""
    return any(tag.platform == ANY_PLATFORM for tag in _tags(filename))


def _of_index(package: Package, entry: Mapping[str, Any], release: Release) -> File | str:
    """Return the file, or why there is none."""
    wheels = [file for item in entry.get("wheels", ()) if fits((file := _file(package, item)).filename, release)]
    if wheels:
        return max(wheels, key=lambda file: _preference(file.filename, release))
    if "sdist" in entry:
        return _file(package, entry["sdist"])
    return f"the index has neither a wheel for MWAA nor the source of {package.name} {package.version}"


def _file(package: Package, item: Mapping[str, Any]) -> File:
    url = str(item.get("url") or item.get("path") or "")
    return File(package.name, package.version, _filename(url), url, str(item.get("hashes", {}).get("sha256", "")))


def _of_url(package: Package, release: Release) -> File | str:
    """Return the file at an address that the requirements name, or why it is of no use."""
    filename = _filename(package.url)
    version = _version_in_name(filename, package.name)
    if not version:
        return "its address is neither a wheel nor a source archive"
    if filename.endswith(WHEEL_SUFFIX) and not fits(filename, release):
        return f"the wheel {filename} is not for MWAA's platform and Python {release.python_version}"
    address, _, fragment = package.url.partition("#")
    digest = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else ""
    return File(package.name, version, filename, address, digest)


def _version_in_name(filename: str, name: str) -> str:
    """Return the version that a file's name tells; "" where it tells none, or another package."""
    parse = parse_wheel_filename if filename.endswith(WHEEL_SUFFIX) else parse_sdist_filename
    try:
        told_name, version = parse(filename)[:2]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return ""
    return str(version) if told_name == canonicalize_name(name) else ""


def _filename(url: str) -> str:
    return posixpath.basename(unquote(urlsplit(url).path))


def _tags(filename: str) -> frozenset[Tag]:
    try:
        return parse_wheel_filename(filename)[3]
    except (InvalidWheelFilename, InvalidVersion):
        return frozenset()


def _preference(filename: str, release: Release) -> tuple[bool, bool, bool, int, str]:
    """Return a key, highest for the wheel made the most for MWAA, as pip would take it.

    One for a platform before one for any, then for this very Python, for CPython before any Python, then for the
    newest glibc. The name makes the choice certain.
    """
    fitting = _tags(filename) & wheel_tags(python_minor(release), glibc_minor(release))
    own = f"cp3{python_minor(release)}"
    return (
        any(tag.platform != ANY_PLATFORM for tag in fitting),
        any(tag.abi.startswith(own) for tag in fitting),
        any(tag.interpreter.startswith("cp") for tag in fitting),
        max(_glibc_of(fitting), default=0),
        filename,
    )


def _glibc_of(tags: frozenset[Tag]) -> Iterator[int]:
    """Yield 17 for `manylinux_2_17_x86_64`."""
    for tag in tags:
        words = tag.platform.split("_")
        if words[0] == "manylinux" and words[2].isdigit():
            yield int(words[2])
