"""Ask uv what pip would install on MWAA: requirements and constraints in, chosen versions or the reason why not out.

uv resolves for MWAA's platform and Python whatever this machine is, and takes the image's packages as pip takes those
that are installed already: they stay unless something asks for another version.

Not for what a conflict means for the user (`conflicts`), nor for what differs from the image (`changes`).
"""

from __future__ import annotations

import copy
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from mwaa_local.check.requirements import uv_words
from mwaa_local.check.requirements.uv_config import uv_config
from mwaa_local.check.requirements.uv_words import Reasons
from mwaa_local.command import Completed, Request, run
from mwaa_local.masking import Mask
from mwaa_local.network import build_env, with_variables
from mwaa_local.release import Release

NO_MASK = Mask()
PYPI_URL = "https://pypi.org/simple"
RESOLVE_TIMEOUT_S = 300.0
BUILD_TIMEOUT_S = 120.0
UNPACK_TIMEOUT_S = 60.0  # of one wheel without dependencies
MAX_ASSUMED = 10  # packages whose requirements cannot be learned here, since their build fails
# uv's names for the image's operating system. It has none for the glibc 2.26 of Amazon Linux 2: versions are chosen for
# an older one, which differs only in which wheels fit, and wheels are listed for a newer one, to be sorted out later.
PLATFORMS = {"Amazon Linux 2": "x86_64-manylinux_2_17", "Amazon Linux 2023": "x86_64-manylinux_2_34"}
LISTING_PLATFORMS = {**PLATFORMS, "Amazon Linux 2": "x86_64-manylinux_2_28"}
# uv takes a minor version for its first release, 3.7.0, which pandas and others exclude. For images whose own release
# is not known: Python 3.7 of Amazon Linux 2 is 3.7.16.
PATCH_RELEASES = {"3.7": "3.7.16"}
_RESOLVED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^]]*\])?(?:==(\S+)| @ (\S+))")
_VIA = re.compile(r"^ {4}# {1,3}(?:via )?(.+)$")
# uv's exit code where it looked and found no versions that fit. With another it did not get that far, or it says so.
NO_SOLUTION_EXIT_CODE = 1


@dataclass(frozen=True)
class Package:
    """One package of a resolution. `via` names who wants it: packages, and files as `-r PATH` or `-c PATH`."""

    name: str
    version: str
    url: str
    via: tuple[str, ...]


@dataclass(frozen=True)
class Resolved:
    """What pip would have installed in the end, dependencies included; name -> package.

    `yanked` has those whose version was withdrawn from the index, with the reason, which may be "" (PEP 592).
    """

    packages: Mapping[str, Package]
    yanked: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """No set of versions fits. `said` is uv's explanation in one text."""

    said: str

    @property
    def reasons(self) -> Reasons:
        return Reasons(self.said)


@dataclass(frozen=True)
class NotReached:
    """An index or a named file could not be reached, or uv itself failed; nothing is known."""

    said: str
    is_uv: bool = False  # the reason has nothing to do with any address
    is_late: bool = False  # uv still looked when its time was over; no address had failed


@dataclass(frozen=True)
class Question:
    """What is to be resolved: requirements files, constraints files, and the pins to stay at where possible."""

    requirements: Sequence[Path]
    constraints: Sequence[Path] = ()
    installed: Mapping[str, str] = field(default_factory=dict)
    with_dependencies: bool = True
    options: tuple[str, ...] = ()  # lines of the file that say where packages come from
    direct: Mapping[str, str] = field(default_factory=dict)  # package -> the line that asks for it
    lowest_direct: bool = False  # the oldest releases of what the lines ask for


class Resolver:
    """uv for one release. `env` is the caller's environment, of which only the way to the index is used.

    `variables` are what options and the startup script add to it, and `index_url` is the index that the file names, ""
    for none: uv would prefer the one of its configuration. `mask` hides secrets in all that uv says.
    """

    def __init__(
        self,
        release: Release,
        work_dir: Path,
        env: Mapping[str, str],
        variables: Mapping[str, str] | None = None,
        index_url: str = "",
        mask: Mask = NO_MASK,
    ) -> None:
        self.release = release
        self._work_dir = work_dir
        self._mask = mask
        self._env = {
            **with_variables(build_env(env), variables or {}),
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_NO_PROGRESS": "1",
            "NO_COLOR": "1",
        }
        self._usual_index_url = self._env.pop("UV_DEFAULT_INDEX", "") or PYPI_URL  # pip passes over an empty one
        self._index_url = index_url or self._usual_index_url
        self._number = 0
        # Taken for requiring nothing: what uv could not build here, by name and version; True: not even unpack.
        self.assumed: dict[tuple[str, str], bool] = {}
        self._timeout_s = RESOLVE_TIMEOUT_S

    def within(self, timeout_s: float) -> Resolver:
        """Return one that has less time for an answer; NotReached when that is over."""
        other = copy.copy(self)
        other._timeout_s = min(timeout_s, self._timeout_s)
        other._work_dir = self._work_dir / "within"
        return other

    def of_usual_index(self) -> Resolver:
        """Return one that asks the usual index, whatever the file names: that has the packages of the image."""
        other = copy.copy(self)
        other._index_url = self._usual_index_url
        other._work_dir = self._work_dir / "usual"
        return other

    def surrounded_by(self, variables: Mapping[str, str], mask: Mask) -> Resolver:
        """Return one whose builds see more variables, which `mask` hides."""
        other = copy.copy(self)
        other._env = with_variables(self._env, variables)
        other._mask = mask
        other._work_dir = self._work_dir / "surrounded"
        return other

    def resolve(self, question: Question) -> Resolved | Refused | NotReached:
        """Return the outcome for MWAA's platform and the release's Python.

        Like pip, takes a pre-release only where it is asked for, or where nothing else exists.
        """
        strict = self._ask(question, "explicit")
        if not isinstance(strict, Refused):
            return strict
        lenient = self._ask(question, "if-necessary-or-explicit")
        if isinstance(lenient, Resolved) and not self._unasked_prereleases(lenient, question):
            return lenient
        return strict

    def resolve_leniently(self, question: Question) -> Resolved | Refused | NotReached:
        """Return the outcome with pre-releases wherever a package has nothing else, its dependencies' included.

        So pip takes them. `resolve` would rather step back to a release that needs none.
        """
        lenient = self._ask(question, "if-necessary-or-explicit")
        if isinstance(lenient, Resolved) and not self._unasked_prereleases(lenient, question):
            return lenient
        return self.resolve(question)

    def metadata(
        self, packages: Mapping[str, Package], options: Sequence[str] = ()
    ) -> Mapping[str, Mapping[str, object]]:
        """Return PEP 751's entry of each package, by name: `wheels` for MWAA's platform and `sdist`, with sizes.

        Without an entry are those that are no file of an index. `options` are the file's lines that name indexes.
        """
        pins = self.path("pins.txt")
        exact = [f"{item.name}=={item.version}" for item in packages.values() if item.version]
        pins.write_text("".join(f"{line}\n" for line in (*options, *exact)), encoding="utf-8")
        output_path = self.path("pylock.toml")
        platform = LISTING_PLATFORMS[self.release.operating_system]
        argv = self._argv(Question([pins], with_dependencies=False), output_path, "allow", platform)
        if not self._run([*argv, "--format", "pylock.toml", "--quiet"]).ok:
            return {}
        locked = tomllib.loads(output_path.read_text(encoding="utf-8")).get("packages", [])
        return {canonicalize_name(item["name"]): item for item in locked}

    def try_build(
        self, name: str, version: str, target_dir: Path, options: Sequence[str] = (), setuptools: str = ""
    ) -> Completed:
        """Build a package from source with the release's Python and install it alone into a folder.

        `setuptools` is the version to build with, "" for the newest that fits. This runs the package's setup code.
        """
        path = self.path("built.txt")
        path.write_text("".join(f"{line}\n" for line in (*options, f"{name}=={version}")), encoding="utf-8")
        argv = ["pip", "install", "--target", str(target_dir), "--no-deps", "--no-binary", name]
        argv += ["--requirement", str(path), "--index-strategy", "unsafe-best-match"]
        argv += ["--python", self.release.python_version]
        if setuptools:
            constraints_path = self.path("built-with.txt")
            constraints_path.write_text(f"setuptools=={setuptools}\n", encoding="utf-8")
            argv += ["--build-constraints", str(constraints_path)]
        return self._run(argv, BUILD_TIMEOUT_S)

    @property
    def index_url(self) -> str:
        """The index to ask; it may hold a password."""
        return self._index_url

    @property
    def env(self) -> Mapping[str, str]:
        """How the index is reached."""
        return self._env

    def _ask(self, question: Question, prerelease: str) -> Resolved | Refused | NotReached:
        """Return uv's answer. That it cannot build a package to learn what that requires is no answer."""
        answer = self._ask_once(question, prerelease)
        for _ in range(MAX_ASSUMED):
            said = "" if isinstance(answer, Resolved) else answer.said
            if (failed := uv_words.failed_build(said)) is None or failed in self.assumed:
                break
            self.assumed[failed] = uv_words.is_not_unpacked(said)
            answer = self._ask_once(question, prerelease)
        return answer

    def _ask_once(self, question: Question, prerelease: str) -> Resolved | Refused | NotReached:
        output_path = self.path("resolved.txt")
        # What MWAA's list skips is in its image all the same; without a preference uv would take the newest.
        kept = {**self.release.packages.unlisted, **question.installed}
        output_path.write_text("".join(f"{name}=={version}\n" for name, version in kept.items()), encoding="utf-8")
        # Not --quiet, which keeps uv from telling of yanked versions; all else it says is a warning or an error.
        completed = self._run(self._argv(question, output_path, prerelease), self._timeout_s)
        if completed.ok:
            return Resolved(_parse(output_path.read_text(encoding="utf-8")), uv_words.yanked(completed.output))
        said = _said(completed)
        looked = completed.exit_code == NO_SOLUTION_EXIT_CODE or uv_words.is_no_solution(said)
        if completed.timed_out:
            return NotReached(said, is_late=not uv_words.is_not_reached(completed.output))
        if uv_words.is_not_reached(said):
            return NotReached(said)
        return Refused(said) if looked else NotReached(said, is_uv=True)

    def _argv(self, question: Question, output_path: Path, prerelease: str, platform: str = "") -> list[str]:
        argv = ["pip", "compile", *map(str, question.requirements), "--output-file", str(output_path)]
        for path in question.constraints:
            argv += ["--constraint", str(path)]
        if not question.with_dependencies:
            argv.append("--no-deps")
        if question.lowest_direct:
            argv += ["--resolution", "lowest-direct"]
        return [
            *argv,
            *("--python-version", python_release(self.release)),
            *("--python-platform", platform or PLATFORMS[self.release.operating_system]),
            *("--index-strategy", "unsafe-best-match"),  # the best version of all indexes, as pip has it
            *("--prerelease", prerelease),
            *("--annotation-style", "split"),
            *("--no-header", "--no-emit-index-url"),
        ]

    def _run(self, argv: Sequence[str], timeout_s: float = RESOLVE_TIMEOUT_S) -> Completed:
        from uv import find_uv_bin

        config = self.path("uv.toml")
        config.write_text(uv_config(self._index_url, self.release, self.assumed), encoding="utf-8")
        config.chmod(0o600)  # the address may hold a password
        whole = [find_uv_bin(), "--config-file", str(config), *argv]
        completed = run(Request(whole, self._env, self._work_dir, timeout_s))
        return replace(completed, output=self._mask.text(completed.output))

    def unpack(self, requirements_path: Path) -> Path | None:
        """Return a folder with the wheels of exactly what the file names, made for MWAA's Python; None without them.

        uv keeps wheels: only the first time is a download.
        """
        target_dir = self.path("unpacked.wheels")
        argv = ("pip", "install", "--target", str(target_dir), "--no-deps", "--only-binary", ":all:", "--quiet")
        python = ("--python", sys.executable, "--python-version", python_release(self.release))
        platform = ("--python-platform", LISTING_PLATFORMS[self.release.operating_system])
        completed = self._run([*argv, *python, *platform, "--requirement", str(requirements_path)], UNPACK_TIMEOUT_S)
        return target_dir if completed.ok else None

    def path(self, name: str) -> Path:
        """Return a new file's path: several questions may be asked at once."""
        self._number += 1
        self._work_dir.mkdir(parents=True, exist_ok=True)
        return self._work_dir / name.replace(".", f".{self._number}.", 1)  # uv wants pylock.*.toml

    def _unasked_prereleases(self, resolved: Resolved, question: Question) -> list[str]:
        """Return packages of the file that uv takes a pre-release of where pip would not: a final one fits the line."""
        pins = {**self.release.packages.base, **self.release.essential_constraints}
        return [
            name
            for name, item in resolved.packages.items()
            if is_prerelease(item.version)
            and name in question.direct
            and pins.get(name) != item.version
            and not Requirement(question.direct[name]).specifier.prereleases
            and self._has_final(question.direct[name], question.options)
        ]

    def _has_final(self, line: str, options: Sequence[str]) -> bool:
        path = self.path("final.txt")
        path.write_text("".join(f"{text}\n" for text in (*options, line)), encoding="utf-8")
        return isinstance(self._ask(Question([path], with_dependencies=False), "disallow"), Resolved)


def python_release(release: Release) -> str:
    """Return the Python of the release's image in full, as "3.12.13"."""
    return PATCH_RELEASES.get(release.python_full_version, release.python_full_version)


def is_prerelease(version: str) -> bool:
    try:
        return Version(version).is_prerelease
    except InvalidVersion:
        return False


def _parse(text: str) -> dict[str, Package]:
    """Return the packages of uv's answer: a line for each, then who wants it."""
    found: dict[str, Package] = {}
    name = ""
    for line in text.splitlines():
        if match := _RESOLVED.match(line):
            name = canonicalize_name(match[1])
            found[name] = Package(name, match[3] or "", match[4] or "", ())
        elif name and (via := _VIA.match(line)) and via[1].strip() != "via":
            item = found[name]
            found[name] = Package(item.name, item.version, item.url, (*item.via, via[1].strip()))
    return found


def _said(completed: Completed) -> str:
    if completed.timed_out:
        return f"uv found no answer within {completed.elapsed_s:.0f} s"
    return uv_words.said(completed.output)
