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
    return Finding(NO_WHEEL, ERROR, *_place(path, package), what, _why(package), package.hint)


def source_finding(path: str, package: SourceOnly) -> Finding:
    """Return the finding on a package that MWAA builds, as far as is known."""
    if package.outcome == DOUBTFUL:
        what = f"{_named(package)} is built from source on MWAA, which may fail"
        return Finding(BUILD_FAILS_HERE, WARNING, *_place(path, package), what, _why(package), package.hint)
    if package.outcome == UNTRIED:
        what = f"{_named(package)} is built from source on MWAA, which could not be tried here"
        return Finding(BUILD_NOT_TRIED, NOTE, *_place(path, package), what, _why(package), package.hint)
    what = f"{_named(package)} is built from source, because no wheel fits MWAA's platform"
    return Finding(BUILT_FROM_SOURCE, NOTE, *_place(path, package), what, _why(package), package.hint)


def _named(package: SourceOnly) -> str:
    return f"{package.name} {package.version}"


def _place(path: str, package: SourceOnly) -> tuple[str, int]:
    return package.path or path, package.line


def _why(package: SourceOnly) -> str:
    chain = " → ".join((*package.wanted_by, package.name))
    wanted = f"the line asks for {chain}" if package.wanted_by and package.line else ""
    texts = (package.problem, package.no_wheel, wanted)
    return " ".join(f"{text[:1].upper()}{text[1:]}." for text in texts if text)
