"""What a rule is, what it looks at, and the words that several rules share.

Not for any rule itself: those are in `rules_constraints`, `rules_packages` and `rules_files`; `rules` has the table.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from mwaa_local.check.requirements.line_syntax import CONSTRAINT
from mwaa_local.check.requirements.lines import Entry, Line, ScannedConstraint
from mwaa_local.check.requirements.startup_exports import Exported, StartupScript
from mwaa_local.finding import Finding
from mwaa_local.masking import without_secrets
from mwaa_local.release import PinFile, Release
from mwaa_local.requirements import text as requirements_file

AIRFLOW_PACKAGES = ("apache-airflow", "apache-airflow-core")  # these have the release's version
_EXACT = ("==", "===")


@dataclass(frozen=True)
class Startup:
    """What runs before pip: the startup script, what it exports, and pip's settings among that, as lines."""

    script: StartupScript = field(default_factory=StartupScript)
    exported: Exported = field(default_factory=Exported)
    settings: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Case:
    """What the rules look at: a file that was read, and where it is to be installed."""

    entries: tuple[Entry, ...]
    release: Release
    private_webserver: bool
    startup: Startup = field(default_factory=Startup)

    @functools.cached_property
    def path(self) -> str:
        """The file that MWAA is given, the first to be read."""
        return self.entries[0].path if self.entries else ""

    @functools.cached_property
    def lines(self) -> tuple[Line, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, Line))

    @functools.cached_property
    def packages(self) -> tuple[Line, ...]:
        """Lines that ask for a package on MWAA's platform."""
        return tuple(line for line in self.lines if line.is_package and applies(line.marker, self.release))

    @functools.cached_property
    def named_packages(self) -> tuple[tuple[Line, Requirement], ...]:
        """Those of `packages` that tell the package's name."""
        return tuple((line, line.requirement) for line in self.packages if line.requirement is not None)

    @functools.cached_property
    def constraints(self) -> tuple[tuple[Line, str], ...]:
        """Lines that name constraints which pip takes, and what they name."""
        return tuple((line, value) for line in self.lines for value in line.values(CONSTRAINT))

    @property
    def has_no_index(self) -> bool:
        """Whether pip is told to ask no index, by the file or by what the startup script exports."""
        return any(line.values("no-index") for line in (*self.startup.settings, *self.lines))

    @functools.cached_property
    def scanned(self) -> tuple[ScannedConstraint, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, ScannedConstraint))

    @property
    def is_injected(self) -> bool:
        """Whether MWAA adds the release's constraints."""
        return self.release.constraints_injected and not self.scanned

    @functools.cached_property
    def essential(self) -> Mapping[str, str]:
        return _by_name(self.release.essential_constraints)

    @functools.cached_property
    def base(self) -> Mapping[str, str]:
        """Packages of MWAA's image, name -> version."""
        return _by_name({**self.release.packages.unlisted, **self.release.packages.base})

    @functools.cached_property
    def held(self) -> Mapping[str, str]:
        """The versions at which constraints hold packages, as far as these could be read."""
        named = [self.release.named_by(url) for _, url in self.constraints]
        official = [self.release, *named] if self.is_injected else named
        pins: dict[str, str] = {}
        for release in reversed([item for item in official if item is not None]):  # of two, pip would refuse the file
            pins.update(_by_name(PinFile(release.constraints_path)))
        lines = (*self.startup.settings, *self.lines)
        own = {line.name: pin for line in lines if line.is_constraint and (pin := exact_version(line.requirement))}
        return {**pins, **own, **self.essential}

    @property
    def has_unknown_constraints(self) -> bool:
        """Whether there are constraints that were not read, so that any package may be held."""
        named = [(line, url) for line in self.startup.settings for url in line.values(CONSTRAINT)]
        return any(
            self.release.named_by(url) is None and not any(local.exists for local in line.local_paths)
            for line, url in (*named, *self.constraints)
        )

    @functools.cached_property
    def holds_nothing(self) -> bool:
        """Whether the constraints that are named hold no package at all: `/dev/null`, an empty file."""
        are_read = all(any(local.exists for local in line.local_paths) for line, _ in self.constraints)
        return bool(self.constraints) and are_read and not any(line.is_constraint for line in self.lines)

    @property
    def airflow(self) -> str:
        return f"Airflow {self.release.airflow_version}"

    @property
    def official_option(self) -> str:
        """The line that names the release's own constraints."""
        return f"--constraint {next(iter(self.release.constraints_urls), '')}"


@dataclass(frozen=True)
class Rule:
    """One rule. `severities` are those it can find; `meaning` is one line for the documentation."""

    id: str
    severities: tuple[str, ...]
    meaning: str
    find: Callable[[Case], Iterator[Finding]]


def at(line: Line, rule: str, severity: str, what: str, why: str = "", hint: str = "") -> Finding:
    """Return a finding on that line."""
    return Finding(rule, severity, line.path, line.number, what, why, hint)


def quoted(line: Line) -> str:
    """Return the line as messages show it: what it asks for, else its options; without secrets, on one line."""
    start = requirements_file.options_start(line.text)
    shown = without_secrets(line.text[:start].strip() or line.text)
    return f"`{' '.join(shown.split())}`"


def applies(marker: Marker | None, release: Release) -> bool:
    """Whether a marker holds on MWAA; true if there is none, or if that cannot be told."""
    try:
        return marker is None or marker.evaluate(marker_variables(release))
    except ValueError:  # it compares what cannot be compared; pip says so when it gets there
        return True


def admits(requirement: Requirement, version: str) -> bool:
    """Whether the requirement allows the version; true if that cannot be told."""
    try:
        return requirement.specifier.contains(version, prereleases=True)
    except ValueError:  # a number too long for int()
        return True


def exact_version(requirement: Requirement | None) -> str:
    """Return the only version that the requirement allows, "" if there are more."""
    specifiers = requirement.specifier if requirement else SpecifierSet()
    exact = (item.version for item in specifiers if item.operator in _EXACT and not item.version.endswith(".*"))
    return next(exact, "")


def _by_name(pins: Mapping[str, str]) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in pins.items()}


def marker_variables(release: Release) -> dict[str, str]:
    """Return what markers mean on MWAA: CPython on Linux, x86-64."""
    return {
        "python_version": release.python_version,
        "python_full_version": release.python_full_version,
        "implementation_version": release.python_full_version,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "platform_release": "",
        "platform_version": "",
    }
