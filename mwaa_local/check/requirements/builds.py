"""Whether a package without a fitting wheel can be built in MWAA's containers, found out by a build on this machine.

Not for what a failure means (`build_judgement`), nor for what is told of it (`without_wheel`).
"""

from __future__ import annotations

import functools
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mwaa_local.check.requirements import uv_words
from mwaa_local.check.requirements.changes import installed
from mwaa_local.check.requirements.resolver import BUILD_TIMEOUT_S, Resolver
from mwaa_local.check.requirements.startup_exports import StartupScript
from mwaa_local.command import Completed
from mwaa_local.requirements import build_words
from mwaa_local.requirements.build_judgement import (
    SETUPTOOLS,
    Build,
    Outcome,
    install_hint,
    judge,
)
from mwaa_local.requirements.build_words import BuildFailure, Cause
from mwaa_local.requirements.install import REQUIREMENTS_INSTALL_TIMEOUT_S
from mwaa_local.requirements.script_commands import Brings, brought_by
from mwaa_local.requirements.system_files import Kind, Lacking, Need, in_image, needed_by

MAX_LIBRARY_BYTES = 16 * 1024 * 1024  # of an extension's beginning, where the names of what it needs are
WHEEL = "wheel"
NO_SETUPTOOLS = "0"  # a version that there is none of
OLD_GENERATION = "local-runner"  # of releases whose pip builds an archive without pyproject.toml with what is installed
_LINKED = re.compile(rb"\0lib([\w+-]+?)(?:-[\d.]+)?\.so[.\d]*(?=\0)")


@dataclass(frozen=True)
class Builds:
    """Builds packages for one release.

    `options` are the file's lines on indexes; `script` is the startup script, whose exports builds on MWAA see, and
    `home_map` what stands for paths in them.
    """

    resolver: Resolver
    options: Sequence[str] = ()
    script: StartupScript = field(default_factory=StartupScript)
    home_map: Mapping[str, Path] = field(default_factory=dict)

    @functools.cached_property
    def _brings(self) -> Brings:
        return brought_by(self.script.text)

    @functools.cached_property
    def _surrounded(self) -> Resolver:
        exported = self.script.for_builds()
        variables = exported.for_commands(self.home_map)
        return self.resolver.surrounded_by(variables, exported.mask) if variables else self.resolver

    def try_one(self, name: str, version: str) -> Build:
        """Build a package here, and return what that means for MWAA. This runs the package's setup code.

        Not where its build is known to need what the image lacks, whatever this machine has.
        """
        known = self._judged(BuildFailure(Cause.SYSTEM, needs=needed_by(name)))
        if known.outcome is Outcome.FAILS:
            return known
        target_dir = self._surrounded.path("built.packages")
        completed = self._surrounded.try_build(name, version, target_dir, self.options)
        if completed.ok:
            return self._of_libraries(target_dir)
        release = self.resolver.release
        if completed.timed_out:
            limit = f"MWAA allows {REQUIREMENTS_INSTALL_TIMEOUT_S} s for all requirements"
            return Build(Outcome.DOUBTFUL, f"its build still ran after {BUILD_TIMEOUT_S:g} s here; {limit}")
        if uv_words.is_no_interpreter(completed.output):
            return Build(Outcome.UNTRIED, f"there is no Python {release.python_version} here to build it with")
        if uv_words.failed_build(completed.output) is None:
            return Build(Outcome.UNTRIED, "uv could not fetch it, or what it is built with")
        return self._of_failure(name, version, completed)

    def _of_failure(self, name: str, version: str, completed: Completed) -> Build:
        release = self.resolver.release
        failure = build_words.read(completed.output, release.python_version)
        if failure.is_legacy and failure.cause in (Cause.SETUP, Cause.NUMPY) and self._is_isolated(name, version):
            failure = replace(failure, is_legacy=False)
        first = self._judged(failure)
        old = installed(release).get(SETUPTOOLS, "")
        if not (failure.is_legacy and failure.cause is Cause.SETUP and old):
            return first
        # Without a pyproject.toml, pip may build with the image's setuptools, and not with the newest.
        target_dir = self._surrounded.path("built.packages")
        again = self._surrounded.try_build(name, version, target_dir, self.options, old)
        if not again.ok:
            failure = build_words.read(again.output, release.python_version)
            return judge(failure, release, brings=self._brings) if failure.cause is not Cause.UNKNOWN else first
        if release.generation == OLD_GENERATION or WHEEL in installed(release):
            return Build(Outcome.BUILDS)
        why = f"it is built with setuptools {old}, which MWAA's image has, and not with the newest"
        return Build(Outcome.DOUBTFUL, why)

    def _is_isolated(self, name: str, version: str) -> bool:
        """Whether a package without a word of a backend names what it is built with: pip then takes just that.

        uv tells so when it does not find it. This is false for one that names exactly what uv would take anyway.
        """
        target_dir = self._surrounded.path("built.packages")
        asked = self._surrounded.try_build(name, version, target_dir, self.options, NO_SETUPTOOLS)
        return uv_words.is_of_own_build_requirements(asked.output)

    def _judged(self, failure: BuildFailure) -> Build:
        build = judge(failure, self.resolver.release, brings=self._brings)
        if failure.cause is Cause.SETUP and build.outcome is Outcome.FAILS and not is_like_mwaa():
            return Build(Outcome.DOUBTFUL, build.why, build.hint)  # a script may not know macOS or ARM
        return build

    def _of_libraries(self, folder: Path) -> Build:
        """Return what a build that succeeded used of this machine and would not find on MWAA."""
        for name in linked_libraries(folder):
            found = in_image(Need(Kind.LIBRARY, (name,)), self.resolver.release)
            if isinstance(found, Lacking) and self._brings is Brings.NOTHING:
                why = f"it was built here with {found.first}, which MWAA's image does not have"
                return Build(Outcome.DOUBTFUL, why, install_hint(found))
        return Build(Outcome.BUILDS)


def is_like_mwaa() -> bool:
    """Whether this machine is of MWAA's kind, Linux on x86-64."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def linked_libraries(folder: Path) -> Iterator[str]:
    """Yield the names, as `-l` has them, of the libraries that the folder's extensions were linked with."""
    for path in sorted(folder.rglob("*.so")):
        with path.open("rb") as file:
            yield from dict.fromkeys(match.decode() for match in _LINKED.findall(file.read(MAX_LIBRARY_BYTES)))
