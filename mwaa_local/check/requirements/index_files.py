"""Which files an index has of a package, version by version, and which of them pip on MWAA could take.

uv says which versions fit, and not why others do not: their wheels are for another Python or need a newer glibc, or
there is nothing but source. Nothing depends on this but words: an index that does not answer leaves them out.

Source: PyPA specifications, "Simple repository API" (HTML and JSON).
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import unescape
from http.client import HTTPException
from urllib.parse import unquote, urlsplit, urlunsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from mwaa_local.check.binaries import glibc_minor, python_minor, wheel_tags
from mwaa_local.check.requirements.resolver import python_release
from mwaa_local.network import credentials, host, opener
from mwaa_local.release import Release

ANSWER_TIMEOUT_S = 10.0
MAX_PAGE_BYTES = 50_000_000  # the largest page of PyPI is about a third of that
ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
JSON_TYPE = "json"
_LINK = re.compile(r"<a\b[^>]*>([^<]+)</a>", re.IGNORECASE)
_PYTHON_LINK = re.compile(r'<a\b[^>]*\bdata-requires-python="([^"]*)"', re.IGNORECASE)
_YANKED_LINK = re.compile(r"<a\b[^>]*\bdata-yanked\b", re.IGNORECASE)
_LINUX = re.compile(r"(?:many)?linux.*x86_64$")  # with glibc: not musllinux
_GLIBC = re.compile(r"manylinux_2_(\d+)_x86_64$")


@dataclass(frozen=True)
class IndexFiles:
    """The names of a package's files; `yanked` are those withdrawn, `pythons` what some say of Python, as `>=3.9`."""

    names: tuple[str, ...]
    yanked: frozenset[str] = frozenset()
    pythons: Mapping[str, str] = field(default_factory=dict)

    def newest_with_wheel(self, release: Release) -> str:
        """Return the newest final version that has a wheel for the release, "" for none."""
        usable = [name for name in self.names if name not in self.yanked and self._is_for_python(name, release)]
        fitting = (version for name in usable for version in _fitting(name, release))
        return str(max((version for version in fitting if not version.is_prerelease), default=""))

    def why_no_wheel(self, version: str, release: Release) -> str:
        """Return why pip finds no wheel of that version, in a few words; "" where the index does not list it."""
        wheels = [tags for name in self.names if (tags := _tags(name, version))]
        here = [tag for tags in wheels for tag in tags if _LINUX.match(tag.platform)]
        python = f"Python {release.python_version}"
        if not wheels:
            return "the index has only its source" if self._has(version) else ""
        if not here:
            return "the index has no wheel of it for Linux on x86-64"
        pythons = {tag.interpreter for tag in wheel_tags(python_minor(release), glibc_minor(release))}
        own = [tag for tag in here if tag.interpreter in pythons and _abi_fits(tag, release)]
        needed = [int(match[1]) for tag in own if (match := _GLIBC.search(tag.platform))]
        if needed and min(needed) > glibc_minor(release):
            has = f"{release.operating_system} has 2.{glibc_minor(release)}"
            return f"its wheels need glibc 2.{min(needed)}, and {has}"
        return f"the index has no wheel of it for {python}"

    def _is_for_python(self, name: str, release: Release) -> bool:
        try:
            return SpecifierSet(self.pythons.get(name, "")).contains(python_release(release))
        except InvalidSpecifier:
            return True

    def _has(self, version: str) -> bool:
        return any(_sdist_version(name) == version for name in self.names)


def read(index_url: str, name: str, env: Mapping[str, str]) -> IndexFiles | None:
    """Return the files that the index has of a package; None where it does not say. `env` is `build_env`'s."""
    parts = urlsplit(f"{index_url.rstrip('/')}/{name}/")
    if parts.scheme not in ("http", "https"):
        return None
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host(parts))), headers={"Accept": ACCEPT})
    if own := credentials(parts):
        request.add_unredirected_header("Authorization", own[1])
    try:
        with opener(env).open(request, timeout=ANSWER_TIMEOUT_S) as answer:
            text = answer.read(MAX_PAGE_BYTES).decode("utf-8")
            is_json = JSON_TYPE in answer.headers.get("Content-Type", "")
        return parsed_json(text) if is_json else parsed_html(text)
    except (urllib.error.URLError, HTTPException, OSError, ValueError, KeyError, TypeError):
        return None


def parsed_json(text: str) -> IndexFiles:
    """Return the files of a page in the JSON form. Raises ValueError, KeyError or TypeError for what is none."""
    files = json.loads(text)["files"]
    return IndexFiles(
        names=tuple(str(file["filename"]) for file in files),
        yanked=frozenset(str(file["filename"]) for file in files if file.get("yanked")),
        pythons={str(file["filename"]): str(told) for file in files if (told := file.get("requires-python"))},
    )


def parsed_html(text: str) -> IndexFiles:
    """Return the files of a page in the HTML form."""
    links = [(match[0], unquote(match[1].strip())) for match in _LINK.finditer(text)]
    return IndexFiles(
        names=tuple(name for _, name in links),
        yanked=frozenset(name for link, name in links if _YANKED_LINK.match(link)),
        pythons={name: unescape(told[1]) for link, name in links if (told := _PYTHON_LINK.match(link))},
    )


def _fitting(name: str, release: Release) -> Iterable[Version]:
    """Yield the version of a wheel that fits the release."""
    try:
        _, version, _, tags = parse_wheel_filename(name)
    except (InvalidWheelFilename, InvalidVersion):
        return
    if not tags.isdisjoint(wheel_tags(python_minor(release), glibc_minor(release))):
        yield version


def _tags(name: str, version: str) -> frozenset[Tag]:
    """Return the tags of a wheel of that version; none for anything else."""
    try:
        _, told, _, tags = parse_wheel_filename(name)
        return tags if told == Version(version) else frozenset()
    except (InvalidWheelFilename, InvalidVersion):
        return frozenset()


def _abi_fits(tag: Tag, release: Release) -> bool:
    minor = python_minor(release)
    abis = {other.abi for other in wheel_tags(minor, glibc_minor(release)) if other.interpreter == tag.interpreter}
    return tag.abi in abis


def _sdist_version(name: str) -> str:
    try:
        return str(parse_sdist_filename(name)[1])
    except (InvalidSdistFilename, InvalidVersion):
        return ""
