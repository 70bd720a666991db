"""What pip is told by its environment, as lines of a requirements file. Pure, but for reading pip's own file.

pip takes every option from a variable `PIP_…` and from `pip.conf` too, and MWAA's pip has the variables that the
startup script exports, and the home in which it ran. uv knows other names, or none; a line of a requirements file means
the same to both.

Not for which variables do harm to tasks: that is `startup.pip_variables`.
Source: pip's documentation, "Configuration"; pip/_internal/cli/parser.py (how values are split).
"""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path

PREFIX = "PIP_"


class _Kind(Enum):
    """How pip reads an option's value."""

    ONE = "the whole text"
    SEVERAL = "one value after each blank"
    SWITCH = "yes or no"


# Those that a line of a requirements file can say.
_OPTIONS = {
    "index-url": _Kind.ONE,
    "extra-index-url": _Kind.SEVERAL,
    "no-index": _Kind.SWITCH,
    "find-links": _Kind.SEVERAL,
    "no-binary": _Kind.ONE,
    "only-binary": _Kind.ONE,
    "prefer-binary": _Kind.SWITCH,
    "pre": _Kind.SWITCH,
    "trusted-host": _Kind.SEVERAL,
    "require-hashes": _Kind.SWITCH,
    "constraint": _Kind.SEVERAL,
    "requirement": _Kind.SEVERAL,
}
HOME = "/usr/local/airflow"  # pip's working folder on MWAA
_PATHS = ("find-links", "constraint", "requirement")
_ADDRESS_OR_FULL = re.compile(r"/|~|[a-zA-Z][\w+.-]*:")
_TO_BE_QUOTED = re.compile(r"""[\s"'\\]""")
_YES = frozenset(("y", "yes", "t", "true", "on", "1"))  # pip/_internal/utils/misc.py, `strtobool`
_NO = frozenset(("", "0", "false", "no", "off", "f", "n"))
# What changes which versions pip takes, and has no line of a file.
_NOT_SAID_BY_LINES = (
    "no-deps",
    "use-deprecated",
    "ignore-installed",
    "force-reinstall",
    "upgrade",
    "upgrade-strategy",
    "target",
    "root",
    "prefix",
    "platform",
    "python-version",
    "ignore-requires-python",
)
_SECTIONS = ("global", "install")  # of pip.conf, the stronger one last
CONFIG_NAMES = (".pip/pip.conf", ".config/pip/pip.conf")  # below the home, the stronger one last
# What a script may do to any pip that runs after it; a file that it sources may do anything.
_TO_PIP = re.compile(
    r"PIP_|\bpip[\d.]*\s+config\b|pip\.conf|netrc|(?i:_proxy)\b|SSL_CERT_(?:FILE|DIR)|(?:REQUESTS|CURL)_CA_BUNDLE"
    r"|\bset\s+-\w*a|\bset\s+-o\s+allexport|(?:^|[;&|]|\bthen|\bdo)\s*(?:source|\.|eval)\s|\$\{?BASH_ENV"
)
# Variables by which a build finds compilers, headers and libraries.
BUILD_VARIABLES = frozenset(
    ("PATH", "CC", "CXX", "LD", "AR", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "LDSHARED", "CPATH",
     "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "LD_LIBRARY_PATH", "PKG_CONFIG", "PKG_CONFIG_PATH",
     "PKG_CONFIG_LIBDIR", "CMAKE_PREFIX_PATH", "CMAKE_ARGS", "MAKEFLAGS", "CARGO_HOME", "RUSTFLAGS", "RUSTUP_HOME",
     "JAVA_HOME", "ORACLE_HOME", "SETUPTOOLS_USE_DISTUTILS")
)  # fmt: skip
_ASSIGNED = re.compile(r"(?<![\w$])([A-Z][A-Z0-9_]*)\+?=")
_FLAGS_OF_ONE_PACKAGE = re.compile(r"\w+_(?:CFLAGS|LDFLAGS|CPPFLAGS|LIBS|INCLUDE_DIRS?|LIB_DIRS?|CONFIG|HOME|DIR)$")


def settings_of(variables: Mapping[str, str], home_dir: Path | None = None) -> dict[str, str]:
    """Return pip's options by long name with their values; variables count more than the home's `pip.conf`."""
    found: dict[str, str] = {}
    for name in CONFIG_NAMES if home_dir else ():
        assert home_dir is not None
        found.update(_of_file(home_dir / name))
    for name, value in variables.items():
        if name.startswith(PREFIX) and value.strip():  # pip passes over an empty one
            found[name.removeprefix(PREFIX).lower().replace("_", "-")] = value
    return found


def option_lines(settings: Mapping[str, str]) -> list[str]:
    """Return the lines of a requirements file that say what these settings say."""
    return [line for name, kind in _OPTIONS.items() if name in settings for line in _lines(name, kind, settings[name])]


def not_said_by_lines(settings: Mapping[str, str]) -> list[str]:
    """Return the names of settings that change which versions pip takes and that no line can say."""
    return [name for name in _NOT_SAID_BY_LINES if name in settings and settings[name].strip().lower() not in _NO]


def variable_of(option: str) -> str:
    """Return the variable that sets an option, `PIP_NO_DEPS` for `no-deps`."""
    return PREFIX + option.upper().replace("-", "_")


def without_lines(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those that `option_lines` says, and those for which there is no use here."""
    said = {variable_of(name) for name in _OPTIONS}
    return {name: value for name, value in variables.items() if name not in said and name not in _OF_THE_INSTALL}


def may_concern_pip(script: str) -> bool:
    """Whether what a startup script does may change what pip finds."""
    return any(_TO_PIP.search(code_of(line)) for line in script.splitlines())


def may_concern_builds(script: str) -> bool:
    """Whether a startup script may set what builds look at."""
    names = {match[1] for line in script.splitlines() for match in _ASSIGNED.finditer(code_of(line))}
    return may_concern_pip(script) or any(is_of_builds(name) for name in names)


def is_of_builds(name: str) -> bool:
    """Whether builds look at a variable of that name."""
    return name in BUILD_VARIABLES or _FLAGS_OF_ONE_PACKAGE.fullmatch(name) is not None


# Where pip would install: a dry run installs nowhere, and packages here are in a virtual environment.
_OF_THE_INSTALL = frozenset(("PIP_USER", "PIP_REQUIRE_VIRTUALENV"))


def _lines(name: str, kind: _Kind, value: str) -> Iterator[str]:
    if kind is _Kind.SWITCH:
        if value.strip().lower() in _YES:
            yield f"--{name}"
        return
    for one in value.split() if kind is _Kind.SEVERAL else [value.strip()]:
        whole = f"{HOME}/{one}" if name in _PATHS and not _ADDRESS_OR_FULL.match(one) else one
        yield f"--{name} {shlex.quote(whole) if _TO_BE_QUOTED.search(whole) else whole}"


def _of_file(path: Path) -> dict[str, str]:
    """Return what a `pip.conf` says; nothing where there is none that can be read."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return {}
    items = (item for section in _SECTIONS if parser.has_section(section) for item in parser.items(section))
    return {name.replace("_", "-"): value for name, value in items if value.strip()}


def code_of(line: str) -> str:
    """Return a line of a script without its comment, as far as that can be told without bash."""
    return re.sub(r"(?:^|\s)#.*", "", line)
