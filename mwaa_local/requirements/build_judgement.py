"""What a build that failed on this machine means for MWAA's containers. Pure.

A build that fails here for want of a header or a program says nothing about MWAA: there the image's list of system
packages decides. What is wrong with the package itself fails there as well.

Not for reading what a build said: that is `build_words`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from mwaa_local.release import Release
from mwaa_local.requirements.build_words import BuildFailure, Cause
from mwaa_local.requirements.script_commands import Brings
from mwaa_local.requirements.system_files import Lacking, Need, Present, in_image

# Modules whose package is called otherwise; setuptools had pkg_resources up to version 81, and brings a distutils.
PACKAGES_OF_MODULES = {"pkg_resources": "setuptools", "distutils": "setuptools", "yaml": "pyyaml"}
SETUPTOOLS = "setuptools"
LAST_SETUPTOOLS_WITH_PKG_RESOURCES = Version("81.0.0")


class Outcome(Enum):
    """What is known of a package's build on MWAA."""

    BUILDS = "it is built there"
    UNTRIED = "it could not be tried here"
    DOUBTFUL = "it fails here, which may be this machine's fault"
    FAILS = "it fails there"


@dataclass(frozen=True)
class Build:
    """One package's build. `why` is a sentence without a full stop, "" for BUILDS; `hint` is what to do about it."""

    outcome: Outcome
    why: str = ""
    hint: str = ""


def judge(failure: BuildFailure, release: Release, *, brings: Brings) -> Build:
    """Return what a failed build means for the release's image, and for what a startup script brings to it."""
    if failure.cause is Cause.SYSTEM:
        return _of_system(failure.needs, release, brings)
    if failure.cause is Cause.MACHINE:
        return Build(Outcome.UNTRIED, failure.reason)
    if failure.cause in (Cause.PYTHON, Cause.NUMPY):
        is_sure = failure.cause is Cause.PYTHON or not failure.is_legacy
        return Build(Outcome.FAILS if is_sure else Outcome.DOUBTFUL, failure.reason)
    if failure.cause is Cause.SETUP:
        is_there = failure.is_legacy and _image_has_module(failure.missing_module, release)
        return Build(Outcome.DOUBTFUL if is_there else Outcome.FAILS, f"its build script fails: {failure.reason}")
    if failure.cause is Cause.COMPILER:
        why = f"this machine's compiler refuses its code{_compiler_of(release)}: {failure.reason}"
        return Build(Outcome.DOUBTFUL, why)
    what = "a program that its build runs fails here" if failure.cause is Cause.COMMAND else "its build fails here"
    return Build(Outcome.DOUBTFUL, ": ".join(filter(None, (what, failure.reason))))


def install_hint(lacking: Lacking) -> str:
    """Return how a startup script can install what is lacking; "" where that is not known."""
    return f"install it in the startup script: `sudo dnf -y install {lacking.offered}`" if lacking.offered else ""


def _of_system(needs: Sequence[Need], release: Release, brings: Brings) -> Build:
    found = [(need, in_image(need, release)) for need in needs]
    for need, image in found:
        if isinstance(image, Lacking) and brings is not Brings.PACKAGES:
            why = f"its build needs {need}, and MWAA's image has no {image.first}"
            if brings is Brings.NOTHING:
                return Build(Outcome.FAILS, why, install_hint(image))
            why += "; the startup script may bring it, in a way that this check cannot follow"
            return Build(Outcome.DOUBTFUL, why, install_hint(image))
    told = (f"this machine has no {need.bare}, {_of_image(image)}" for need, image in found)
    return Build(Outcome.UNTRIED, "; ".join(told))


def _of_image(image: Present | Lacking | None) -> str:
    if isinstance(image, Lacking):
        return f"and MWAA's image has {image.first} only if the startup script installs it"
    if image is None:
        return "and whether MWAA's image has it is not known"
    return f"but MWAA's image has {image.package or 'it'}"


def _image_has_module(module: str, release: Release) -> bool:
    """Whether a build outside of isolation would find a module in the image."""
    there = {**release.packages.unlisted, **release.packages.base}
    top = module.partition(".")[0]
    if top == "pkg_resources":
        return _has_pkg_resources(there.get(SETUPTOOLS, ""))
    return bool(top) and PACKAGES_OF_MODULES.get(top, canonicalize_name(top)) in there


def _has_pkg_resources(setuptools: str) -> bool:
    try:
        return Version(setuptools) <= LAST_SETUPTOOLS_WITH_PKG_RESOURCES
    except InvalidVersion:
        return False


def _compiler_of(release: Release) -> str:
    version = release.system_packages.get("gcc", "")
    return f" (MWAA has gcc {version})" if version else ""
