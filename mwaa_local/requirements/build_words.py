"""What the output of a failed build means: what the system lacked, or what is wrong with the package. Pure.

Compilers, linkers, pkg-config, CMake, Meson and setup scripts have no form for machines; their sentences are read here
and nowhere else. Not for whether MWAA's image has what was missing: that is `system_files`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum

from mwaa_local.requirements.system_files import Kind, Need

REASON_CHARACTERS = 160  # of one line in a finding
# Headers that CPython had until they moved, and what generated C code of that time asks for (bpo-35134, 3.11).
MOVED_HEADERS = frozenset({"longintrepr.h"})
LEGACY_BACKEND = "build_meta:__legacy__"  # the archive has no pyproject.toml that names another one


class Cause(Enum):
    """Why a build failed."""

    SYSTEM = "the system lacks something"
    PYTHON = "its C code does not compile with this Python"
    NUMPY = "its C code does not compile with the newest NumPy"
    SETUP = "its own build script fails"
    COMPILER = "its code does not compile"
    COMMAND = "a program that its build script runs fails"
    MACHINE = "this machine could not try it"
    UNKNOWN = "nothing known"


@dataclass(frozen=True)
class BuildFailure:
    """Why a build failed. `needs` is only of SYSTEM; `reason` is one line without paths, "" where it says no more."""

    cause: Cause
    reason: str = ""
    needs: tuple[Need, ...] = ()
    missing_module: str = ""  # of SETUP
    is_legacy: bool = False  # built by setuptools as there was no word of another backend


_HEADER = re.compile(r"fatal error: ([\w./+-]+): No such file or directory|fatal error: '([\w./+-]+)' file not found")
_LIBRARY = re.compile(r"cannot find -l([\w.+-]+)")
_SHARED_LIBRARY = re.compile(
    r"[Cc]ould not find library ([\w+-]+)|\blib([\w+-]+)\.so[\w.]*: cannot open shared object file"
)
_WORD = r"([\w.+-]+)"
_PROGRAMS = (
    re.compile(rf"(?:/bin/)?(?:ba)?sh: (?:line )?(?:\d+: )?{_WORD}: (?:command )?not found"),
    re.compile(rf"error: command '(?:[\w/.-]*/)?{_WORD}' failed: No such file or directory"),
    re.compile(rf"No such file or directory: '(?:[\w/.-]*/)?({_WORD[1:-1]})'$", re.MULTILINE),
    re.compile(rf"unable to execute '?(?:[\w/.-]*/)?{_WORD}'?: No such file"),
    re.compile(rf"(?:OS|Environment|Runtime)Error: {_WORD} not found"),
    re.compile(rf"Error: {_WORD} executable not found"),
    re.compile(rf"\[Errno 2\] '?{_WORD}'? (?:not found|command not found)"),
    re.compile(rf"Did not find (?:pkg-config by name|program) '{_WORD}'"),
    re.compile(rf"ERROR: Program '{_WORD}' not found"),
    re.compile(rf"(?:Could not find|Cannot find|Can't find) ({_WORD[1:-1]}-config)\b"),
)
# A shell's "not found" that a build script took for options of the compiler.
_PROGRAM_AS_OPTION = re.compile(r"error: ([\w.-]+-config):: linker input file not found")
_PROGRAM_SENTENCES = (
    (
        re.compile(r"CMake\b.{0,30}must be installed|CMake is not installed|Could not find CMake"),
        "cmake",
    ),
    (re.compile(r"can't find Rust compiler|Rust compiler is not|requires Rust|rustc.{0,40}not found"), "rustc"),
    (re.compile(r"Cargo, the Rust package manager, is not installed|cargo.{0,40}not found"), "cargo"),
    (re.compile(r"pkg-config(?:['\"`]| probably)?.{0,40}(?:not found|is not installed|not installed)"), "pkg-config"),
    (re.compile(r"pg_config executable not found"), "pg_config"),
    (re.compile(r"Unknown compiler\(s\): \[\['(?:cc|gcc)'"), "gcc"),
    (re.compile(r"No CMAKE_CXX_COMPILER could be found"), "g++"),
    (re.compile(r"No CMAKE_C_COMPILER could be found"), "gcc"),
)
_PKG_CONFIGS = (
    re.compile(r"No package '([\w.+-]+)' found"),
    re.compile(r"Package ([\w.+-]+) was not found in the pkg-config search path"),
    re.compile(r"Package '([\w.+-]+)', required by '[^']*', not found"),
    re.compile(r'Dependency "([\w.+-]+)" not found'),
    re.compile(r"Dependency lookup for ([\w.+-]+) with method 'pkgconfig' failed"),
)
# pkg-config asked for one name after another: any of them would do.
_PKG_CONFIG_TRIED = re.compile(r"Command 'pkg-config --exists ([\w.+-]+)' returned non-zero")
_CMAKE = re.compile(r'package configuration file provided by "(\w+)"')
_CMAKE_MESSAGE = re.compile(r"CMake Error at .* \(message\):\n((?:.+\n?)+)")
_HEADERS_OF = re.compile(r"The headers or library files could not be found for (\w+)")
_SENTENCES = (  # what some packages say in their own words
    (re.compile(r"Could not run curl-config"), Need(Kind.PROGRAM, ("curl-config",))),
    (re.compile(r"make sure the libxml2 and libxslt development packages"), Need(Kind.PKG_CONFIG, ("libxslt",))),
    (re.compile(r"xmlsec1 is not installed"), Need(Kind.PKG_CONFIG, ("xmlsec1",))),
)
_PYTHON_API = re.compile(
    r"error: .*(?:\b_?Py[A-Z]\w+|\b(?:ob_digit|tp_print|curexc_\w+|exc_type|use_tracing|_PyErr_\w+)\b)"
)
_NUMPY_API = re.compile(r"error: .*\b(?:PyArray_\w+|NPY_\w+|_PyArray_\w+)")
_COMPILE_ERROR = re.compile(r"^.{0,200}?: error: (.+)$", re.MULTILINE)
_COMMAND_FAILED = re.compile(r"(?:CalledProcessError|CompileError|LinkError|DistutilsExecError|command .* failed)")
_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"^((?:[A-Za-z_]\w*\.)*[A-Z_]\w*|SystemExit): ?(.*)$", re.MULTILINE)
_MISSING_MODULE = re.compile(r"No module named '([\w.]+)'")
_NOT_OF_THE_PACKAGE = (
    (re.compile(r"No space left on device"), "the disk was full"),
    (
        re.compile(r"Cannot allocate memory|MemoryError|Killed \(signal|signal: 9|terminated by signal"),
        "there was too little memory",
    ),
    (re.compile(r"Read-only file system|Permission denied"), "this machine refused access to a file"),
    (re.compile(r"Failed to extract archive"), "uv does not unpack its archive, which pip may"),
    (re.compile(r"Failed to parse: \S*pyproject\.toml"), "uv refuses its pyproject.toml, which pip may take"),
    (
        re.compile(
            r"error sending request|dns error|Failed to fetch|HTTP status (?:client|server) error|urlopen error"
            r"|network was disabled|Temporary failure in name resolution|Name or service not known|ConnectionError"
            r"|Max retries exceeded|Connection refused|Could not resolve host|SSLCertVerification"
        ),
        "an address that its build needs was not reached",
    ),
)
_BACKEND_SAID = re.compile(r"\[stderr\]|\[stdout\]|\[STDERR\]")
_PATH = re.compile(r"(?:/[\w.@+~-]+){2,}/?")
_BOX = re.compile(r"^[\s*!=_-]+$")


def read(output: str, python_version: str = "") -> BuildFailure:
    """Return why the build failed whose output this is."""
    said = "\n".join(line.strip() for line in output.splitlines())
    legacy = LEGACY_BACKEND in said
    for pattern, reason in _NOT_OF_THE_PACKAGE:
        if pattern.search(said):
            return BuildFailure(Cause.MACHINE, reason)
    if program := _PROGRAM_AS_OPTION.search(said):
        return BuildFailure(Cause.SYSTEM, "", (Need(Kind.PROGRAM, (program[1],)),), is_legacy=legacy)
    if found := _compiler(said, python_version):
        return replace(found, is_legacy=legacy)
    if needs := _needs(said):
        return BuildFailure(Cause.SYSTEM, "", needs, is_legacy=legacy)
    return _of_script(said, legacy)


def _compiler(said: str, python_version: str) -> BuildFailure | None:
    """Return what a compiler or linker said, unless the build script went on and failed at something else."""
    header = _last(_HEADER, said)
    errors = list(_COMPILE_ERROR.finditer(said))
    places = [match.start() for match in (header, *errors[-1:], _last(_LIBRARY, said)) if match]
    if not places or _went_on(said, max(places)):
        return None
    too_new = f"its C code does not compile with Python {python_version}".rstrip()
    if header is not None:
        name = header[1] or header[2]
        if name in MOVED_HEADERS:
            return BuildFailure(Cause.PYTHON, too_new)
        return BuildFailure(Cause.SYSTEM, "", (Need(Kind.HEADER, (name,)),))
    if library := _last(_LIBRARY, said):
        return BuildFailure(Cause.SYSTEM, "", (Need(Kind.LIBRARY, (library[1],)),))
    if _NUMPY_API.search(said):
        return BuildFailure(Cause.NUMPY, "its C code does not compile with the newest NumPy, which its build takes")
    if _PYTHON_API.search(said):
        return BuildFailure(Cause.PYTHON, too_new)
    first = next((match[1] for match in errors if not _COMMAND_FAILED.search(match[1])), "")
    return BuildFailure(Cause.COMPILER, _one_line(first)) if first else None


def _went_on(said: str, place: int) -> bool:
    """Whether a Python error that is not about the compiler itself came after that place."""
    start = said.find(_TRACEBACK, place)
    if start < 0:
        return False
    exceptions = [match[0] for match in _EXCEPTION.finditer(said, start)]
    return bool(exceptions) and not any(map(_COMMAND_FAILED.search, exceptions))


def _needs(said: str) -> tuple[Need, ...]:
    """Return what programs, pkg-config and CMake did not find."""
    if tried := tuple(dict.fromkeys(_PKG_CONFIG_TRIED.findall(said))):
        return (Need(Kind.PKG_CONFIG, tried),)
    for pattern, need in _SENTENCES:
        if pattern.search(said):
            return (need,)
    if names := [match for pattern in _PKG_CONFIGS for match in pattern.findall(said)]:
        return (Need(Kind.PKG_CONFIG, tuple(dict.fromkeys(names))[-1:]),)
    if name := _last(_CMAKE, said):
        return (Need(Kind.CMAKE, (name[1],)),)
    if name := _last(_HEADERS_OF, said):
        return (Need(Kind.LIBRARY, (name[1],)),)
    if name := _last(_SHARED_LIBRARY, said):
        return (Need(Kind.LIBRARY, (name[1] or name[2],)),)
    programs = [match for pattern in _PROGRAMS for match in pattern.findall(said) if "." not in match]
    programs += [name for pattern, name in _PROGRAM_SENTENCES if pattern.search(said)]
    # `mysql_config` and `mariadb_config` are asked one after another: any would do.
    return (Need(Kind.PROGRAM, tuple(dict.fromkeys(programs))),) if programs else ()


def _of_script(said: str, legacy: bool) -> BuildFailure:
    """Return what the package's own build script said last."""
    start = said.rfind(_TRACEBACK)
    exceptions = list(_EXCEPTION.finditer(said, max(start, 0))) if start >= 0 else []
    if exceptions:
        last = exceptions[-1]
        if _COMMAND_FAILED.search(last[0]):
            message = _CMAKE_MESSAGE.search(said)
            return BuildFailure(Cause.COMMAND, _one_line(message[1]) if message else "", is_legacy=legacy)
        module = _MISSING_MODULE.search(last[0])
        name = last[1].rpartition(".")[2]
        reason = _one_line(f"{name}: {last[2]}" if last[2] else name)
        return BuildFailure(Cause.SETUP, reason, missing_module=module[1] if module else "", is_legacy=legacy)
    if start < 0 and (line := _first_said(said)):
        return BuildFailure(Cause.SETUP if "exit status: 1" in said else Cause.UNKNOWN, line, is_legacy=legacy)
    return BuildFailure(Cause.UNKNOWN, "", is_legacy=legacy)


def _first_said(said: str) -> str:
    """Return the first line that the build backend wrote, "" for none."""
    parts = _BACKEND_SAID.split(said)
    lines = [line for part in parts[1:] for line in part.splitlines()]
    told = [line for line in lines if line and not _BOX.match(line) and "warning" not in line.lower()]
    errors = [line for line in told if re.match(r"(?i)(?:\w+ )?error\b", line)]
    return _one_line((errors or told or [""])[0])


def _last(pattern: re.Pattern[str], said: str) -> re.Match[str] | None:
    return next(reversed(list(pattern.finditer(said))), None)


def _one_line(text: str) -> str:
    """Return a text on one line without this machine's paths, not too long."""
    line = " ".join(_PATH.sub("…", text).split()).rstrip(".")
    return line if len(line) <= REASON_CHARACTERS else f"{line[:REASON_CHARACTERS].rstrip()}…"
