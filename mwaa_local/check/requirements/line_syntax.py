"""The syntax of one line of a requirements file, as pip reads it: variables, options, what the package is. Pure.

Not for files, nor for what a line's paths stand for: that is `lines`.

Source: pip 26.3, `pip/_internal/req/req_file.py` and `constructors.py`.
"""

from __future__ import annotations

import functools
import optparse
import posixpath
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

from mwaa_local.requirements import text as requirements_file

FIND_LINKS, REQUIREMENT, CONSTRAINT, EDITABLE = "find-links", "requirement", "constraint", "editable"

# All that pip takes in a requirements file, by long name; pip reads them with optparse as well. Releases of pip differ:
# `global-option` is gone from new ones, the last two and `no-require-hashes` are missing from old ones.
_VALUED_OPTIONS = {
    CONSTRAINT: ("-c", "--constraint"),
    REQUIREMENT: ("-r", "--requirement"),
    FIND_LINKS: ("-f", "--find-links"),
    EDITABLE: ("-e", "--editable"),
    "index-url": ("-i", "--index-url", "--pypi-url"),
    "extra-index-url": ("--extra-index-url",),
    "no-binary": ("--no-binary",),
    "only-binary": ("--only-binary",),
    "trusted-host": ("--trusted-host",),
    "use-feature": ("--use-feature",),
    "global-option": ("--global-option",),
    "hash": ("--hash",),
    "config-settings": ("-C", "--config-settings", "--config-setting"),
    "all-releases": ("--all-releases",),
    "only-final": ("--only-final",),
}
_FLAGS = ("no-index", "prefer-binary", "require-hashes", "no-require-hashes", "pre")
_BESIDE_PACKAGE = ("hash", "config-settings", "global-option")
_BESIDE_EDITABLE = ("config-settings",)

_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")  # the only form that pip expands
# pip/_internal/vcs/versioncontrol.py `is_url`, and pip/_internal/utils/filetypes.py.
_ADDRESS = re.compile(r"(https?|file|ftp|ssh|git|hg|bzr|sftp|svn|(git|hg|bzr|svn)\+[a-z-]+):", re.IGNORECASE)
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tlz", ".tar.lz")
_EXTRAS = re.compile(r"(?<=.)\[[^\]]+\]$")
# What is no requirement may be a folder, which pip would look for. What has an operator in it is a mistake rather.
_PATH = re.compile(r"\.{0,2}/|\.$|\.\.$|[^=<>!~,@'\"]*/[^=<>!~,@'\"]*$")
_EGG = re.compile(r"(?:^|&)egg=([^&]+)")


@dataclass(frozen=True)
class LineOption:
    """An option by its long name; `value` has its variables expanded and is "" where the option takes none."""

    name: str
    value: str = ""


@dataclass(frozen=True)
class ParsedLine:
    """What pip makes of a line. `address` is its package's address or path, "" for a package of an index."""

    requirement: Requirement | None
    address: str
    marker: Marker | None
    options: tuple[LineOption, ...]
    ignored: tuple[str, ...]
    is_editable: bool


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Return the text as pip expands it: a variable that is not set, or empty, stays as it is."""
    return _VARIABLE.sub(lambda match: variables.get(match[1]) or match[0], text)


def unexpanded(text: str) -> tuple[str, ...]:
    """Return the names of variables in the text, each once."""
    return tuple(dict.fromkeys(_VARIABLE.findall(text)))


def parse(text: str) -> ParsedLine:
    """Return what a line means, its variables expanded. Raises ValueError, with the reason, where pip refuses it."""
    start = requirements_file.options_start(text)
    package = text[:start].strip()
    given, words = _options(text[start:])
    heeded = _effective(given, package != "")
    editable = next((option.value for option in heeded if option.name == EDITABLE), "")
    try:
        requirement, address, marker = _editable(editable) if editable else _package(package)
    except RecursionError as error:  # parentheses within parentheses of a marker
        raise ValueError("it nests too deep") from error
    ignored = [f"--{option.name}" for option in given if option not in heeded] + [""] * bool(words)
    return ParsedLine(requirement, address, marker, heeded, tuple(ignored), editable != "")


def is_local(address: str) -> bool:
    """Whether it is a path or a `file:` address. One that begins with an unknown variable may be anything."""
    if not address or _VARIABLE.match(address):
        return False
    return address.lower().startswith("file:") or not _ADDRESS.match(address)


def local_path(address: str) -> str:
    """Return the path of a local address."""
    return unquote(urlsplit(address).path) if address.lower().startswith("file:") else address


class _OptionParser(optparse.OptionParser):
    def error(self, msg: str) -> NoReturn:
        raise ValueError(msg)


@functools.cache
def _option_parser() -> _OptionParser:
    parser = _OptionParser(add_help_option=False)
    for name, words in _VALUED_OPTIONS.items():
        parser.add_option(*words, action="callback", type="string", callback=_keep, callback_args=(name,))
    for name in _FLAGS:
        parser.add_option(f"--{name}", action="callback", callback=_keep, callback_args=(name,))
    return parser


def _keep(_: optparse.Option, __: str, value: str | None, parser: optparse.OptionParser, name: str) -> None:
    if parser.values is not None:
        parser.values.ensure_value("given", []).append(LineOption(name, value or ""))


def _options(text: str) -> tuple[tuple[LineOption, ...], list[str]]:
    """Return the options of a line, and the words that belong to none."""
    values, words = _option_parser().parse_args(shlex.split(text))
    return tuple(values.ensure_value("given", [])), words


def _effective(given: tuple[LineOption, ...], has_package: bool) -> tuple[LineOption, ...]:
    """Return the options that pip heeds: what the line is decides that, and it takes one file from a line."""
    if has_package:
        return tuple(option for option in given if option.name in _BESIDE_PACKAGE)
    for name in (EDITABLE, REQUIREMENT, CONSTRAINT):
        first = next((option for option in given if option.name == name), None)
        if first is not None:
            beside = _BESIDE_EDITABLE if name == EDITABLE else ()
            return (first, *(option for option in given if option.name in beside))
    return tuple(option for option in given if option.name not in _BESIDE_PACKAGE)


def _package(text: str) -> tuple[Requirement | None, str, Marker | None]:
    """Return the requirement, where its name is told, the package's address or path, "" for none, and the marker."""
    if not text:
        return None, "", None
    is_address = _ADDRESS.match(text) is not None
    what, _, marker_text = text.partition("; " if is_address else ";")
    marker = Marker(marker_text.strip()) if marker_text.strip() else None
    what = what.strip()
    path = what if is_address else _EXTRAS.sub("", what)
    if is_address or _is_archive(path):
        return _named_by_file(path, marker), path, marker
    try:
        requirement = Requirement(what)
    except ValueError:
        if _PATH.match(what):
            return None, path, marker
        raise
    requirement.marker = marker
    return requirement, requirement.url or "", marker


def _editable(value: str) -> tuple[Requirement | None, str, Marker | None]:
    if _ADDRESS.match(value):
        return _named_by_file(value, None), value, None
    if "@" in value and not value.startswith((".", "/")):
        requirement = Requirement(value)
        return requirement, requirement.url or "", requirement.marker
    return None, _EXTRAS.sub("", value), None


def _is_archive(path: str) -> bool:
    """Whether it is the path of a package file, not a requirement with one as its address (`name @ …`)."""
    before, at, _ = path.partition("@")
    return path.lower().endswith(_ARCHIVES) and (not at or "/" in before or before.startswith("."))


def _named_by_file(address: str, marker: Marker | None) -> Requirement | None:
    """Return what the file name of a wheel, or `#egg=`, says. Raises ValueError for a wheel's name that is none."""
    parts = urlsplit(address)
    file_name = posixpath.basename(unquote(parts.path))
    egg = _EGG.search(parts.fragment)
    if file_name.endswith(".whl"):
        name, version, _, _ = parse_wheel_filename(file_name)
        requirement = Requirement(f"{name}=={version}")
    elif egg:
        requirement = Requirement(unquote(egg[1]))
    else:
        return None
    requirement.marker = marker
    return requirement


def refuse_empty_version(meaning: ParsedLine) -> None:
    """Raise ValueError for `===` without a version, which pip's grammar takes and no package ever fits."""
    specifiers = meaning.requirement.specifier if meaning.requirement else ()
    if any(item.operator == "===" and not item.version for item in specifiers):
        raise ValueError("Expected a version behind `===`")
