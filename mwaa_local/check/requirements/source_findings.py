"""Packages that MWAA builds from source, as findings. Pure."""

from __future__ import annotations

from mwaa_local.check.requirements.verdict import SourceOnly
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding

# The rules.
NO_WHEEL, BUILT_FROM_SOURCE = "no-wheel", "built-from-source"
BUILD_FAILS_HERE, BUILD_NOT_TRIED = "build-fails-here", "build-not-tried"
DOUBTFUL, UNTRIED = "doubtful", "untried"  # outcomes of `SourceOnly`


def no_wheel_finding(path: str, package: SourceOnly) -> Finding:
    """Return the finding on a package that cannot be built on MWAA; `path` is the file as a whole."""
    what = f"{_named(package)} has no wheel for MWAA's platform and cannot be built there"
    return _finding(NO_WHEEL, ERROR, path, package, what)


def source_finding(path: str, package: SourceOnly) -> Finding:
    """Return the finding on a package that MWAA builds, as far as is known."""
    if package.outcome == DOUBTFUL:
        what = f"{_named(package)} is built from source on MWAA, which may fail"
        return _finding(BUILD_FAILS_HERE, WARNING, path, package, what)
    if package.outcome == UNTRIED:
        what = f"{_named(package)} is built from source on MWAA, which could not be tried here"
        return _finding(BUILD_NOT_TRIED, NOTE, path, package, what)
    what = f"{_named(package)} is built from source, because no wheel fits MWAA's platform"
    return _finding(BUILT_FROM_SOURCE, NOTE, path, package, what)


def _named(package: SourceOnly) -> str:
    return f"{package.name} {package.version}"


def _finding(rule: str, severity: str, path: str, package: SourceOnly, what: str) -> Finding:
    chain = " → ".join((*package.wanted_by, package.name))
    wanted = f"The line asks for {chain}" if package.wanted_by and package.line else ""
    why = " ".join(f"{text[:1].upper()}{text[1:]}." for text in (package.problem, package.no_wheel, wanted) if text)
    return Finding(rule, severity, package.path or path, package.line, what, why, package.hint)
