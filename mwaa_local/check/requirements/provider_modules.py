"""Imports of provider modules that MWAA would not find, as findings.

A provider's modules come and go with its versions, and a release has exactly one: a DAG that imports
`airflow.providers.amazon.aws.operators.lambda_function` fails on Airflow 2.2.2, whose amazon 2.4.0 has no such module.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from packaging.version import InvalidVersion, Version

from mwaa_local.check.requirements.changes import installed
from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.provider_imports import NAMESPACE, ProviderImport
from mwaa_local.check.requirements.provider_listing import Listing, Listings
from mwaa_local.check.requirements.resolver import Resolver
from mwaa_local.check.requirements.source import Source
from mwaa_local.check.requirements.verdict import NoWheel, PackageChange, Verdict, Works
from mwaa_local.finding import ERROR, WARNING, Finding
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION, PinFile, Release

PROVIDER_MODULE_MISSING, PROVIDER_MISSING = "provider-module-missing", "provider-missing"  # the rules
# Packages of providers are named after their modules. Airflow 1.10 has those made for it under another name.
PREFIXES = ("apache-airflow-providers-", "apache-airflow-backport-providers-")
MAX_NAME_PARTS = 3  # of a provider's package after the prefix: "apache-hive", "common-io", "microsoft-azure"
MAX_SIMILAR = 3
SIMILARITY = 0.7  # as difflib has it: 1 is the same
NEWER_RELEASES = 2  # whose provider is looked into for a module that is missing here
IN_THE_IMAGE = "MWAA's image has that version"
MAX_FAILED_DOWNLOADS = 2  # after that the index is left alone: each may take as long as a time-out


@dataclass(frozen=True)
class Providers:
    """Packages as they would be on MWAA. `lines` are those of the file that ask for a package."""

    release: Release
    verdict: Verdict
    changes: tuple[PackageChange, ...]
    lines: tuple[Line, ...]

    @property
    def is_resolved(self) -> bool:
        """Whether all packages are known, also those that requirements need in turn."""
        return isinstance(self.verdict, Works | NoWheel)

    @property
    def versions(self) -> dict[str, str]:
        """Name -> version of every package; "" where the version is not known."""
        versions = {**installed(self.release), **{item.name: item.version for item in self.changes}}
        if not self.is_resolved:
            versions.update(dict.fromkeys((line.name for line in self.lines), ""))
        return {name: version if _is_version(version) else "" for name, version in versions.items()}


@dataclass
class Download:
    """Fetches the wheel of a provider: those that the requirements bring from where the file says, others as usual."""

    source: Source
    resolver: Resolver
    changes: tuple[PackageChange, ...]
    failed: int = 0

    def __call__(self, name: str, version: str) -> Path | None:
        """Return a folder with the wheel's files; None where it cannot be had."""
        if self.failed >= MAX_FAILED_DOWNLOADS:
            return None
        unpacked = self.resolver.unpack(self._requirements_path(name, version))
        self.failed += unpacked is None
        return unpacked

    def _requirements_path(self, name: str, version: str) -> Path:
        pin = f"{name}=={version}"
        if any((change.name, change.version) == (name, version) for change in self.changes):
            return self.source.question([pin], (), {}, f"provider-{name}").requirements[0]
        path = self.resolver.path("provider.txt")
        path.write_text(f"{pin}\n", encoding="utf-8")
        return path


def provider_findings(imports: Sequence[ProviderImport], providers: Providers, listings: Listings) -> Iterator[Finding]:
    """Yield a finding for each import of a provider's module that is not there.

    What cannot be looked up is passed over. It is an error where loading a file is sure to fail, else a warning.
    """
    search = _Search(providers, listings)
    for item in imports:
        if finding := search.look_up(item):
            yield finding


@dataclass(frozen=True)
class _Search:
    """Looks for modules in the packages that MWAA would have."""

    providers: Providers
    listings: Listings

    @functools.cached_property
    def _versions(self) -> Mapping[str, str]:
        return self.providers.versions

    def look_up(self, item: ProviderImport) -> Finding | None:
        """Return the finding on one import; None if it works, or nothing is known."""
        name = package_of(item.whole, self._versions)
        if not name:
            return None if self._is_of_another_package(item) else self._of_missing_provider(item)
        listing = self._listing(name)
        if listing is None or listing.has(item.module, item.name):
            return None
        return self._of_missing_module(item, name, listing)

    def _is_of_another_package(self, item: ProviderImport) -> bool:
        """Whether a package of another kind of name may bring the module, as some that are not Apache's do."""
        names = [change.name for change in self.providers.changes]
        if not self.providers.is_resolved:  # pip installs none of them; what they would bring is not known
            names = [line.name for line in self.providers.lines if line.name]
        others = [name for name in names if self._may_bring(name)]
        found = map(self._listing, others)
        return any(listing is None or listing.has(item.module, item.name) for listing in found)

    def _may_bring(self, name: str) -> bool:
        is_foreign = "airflow" in name and not name.startswith("apache-airflow")
        return is_foreign or (self.providers.is_resolved and not self._versions[name])

    def _listing(self, name: str) -> Listing | None:
        return self.listings.of(name, self._versions[name]) if self._versions[name] else None

    def _of_missing_provider(self, item: ProviderImport) -> Finding:
        release = self.providers.release
        constraints = PinFile(release.constraints_path)
        what = f"no provider has {item.module}"
        hint = f"find the package that has {item.module}, and add it to the requirements file"
        if name := distribution_of(item.whole, release):
            what = f"{item.module} is of {name}, which is missing"
            version = constraints.get(name)
            held = f"; the constraints of Airflow {release.airflow_version} hold it at {version}" if version else ""
            hint = f"add {name} to the requirements file{held}"
        why = f"Neither MWAA's image of Airflow {release.airflow_version} nor the requirements bring it"
        if not self.providers.is_resolved:
            why = f"MWAA's image of Airflow {release.airflow_version} does not have it, and no requirement names it"
        severity = ERROR if item.is_sure else WARNING
        return Finding(PROVIDER_MISSING, severity, item.path, item.line, what, f"{why}; {_outcome(item)}.", hint)

    def _of_missing_module(self, item: ProviderImport, name: str, listing: Listing) -> Finding:
        module = item.whole if item.module in listing.modules else item.module
        version, release = self._versions[name], self.providers.release
        change = next((change for change in self.providers.changes if change.name == name), None)
        origin = f"The requirements bring that version ({', '.join(change.reasons)})" if change else IN_THE_IMAGE
        beside = similar(module, listing)
        hints = [f"version {version} has {', '.join(beside)}" if beside else "", self._newer(item, name)]
        severity = ERROR if item.is_sure else WARNING
        return Finding(
            PROVIDER_MODULE_MISSING,
            severity,
            item.path,
            item.line,
            f"{module} does not exist in {name} {version}",
            f"{origin} on Airflow {release.airflow_version}; {_outcome(item)}.",
            "; ".join(filter(None, hints)),
        )

    def _newer(self, item: ProviderImport, name: str) -> str:
        """Return which newer version has the module, of those in images of newer releases; "" for none or unknown."""
        for release, version in islice(self._newer_versions(name), NEWER_RELEASES):
            listing = self.listings.of(name, version)
            if listing is not None and listing.has(item.module, item.name):
                return f"{name} {version}, which Airflow {release.airflow_version} has on MWAA, has it"
        return ""

    def _newer_versions(self, name: str) -> Iterator[tuple[Release, str]]:
        """Yield newer releases that have the package in a newer version, oldest first."""
        for release in Release.all():
            version = installed(release).get(name, "")
            is_newer = _is_version(version) and Version(version) > Version(self._versions[name])
            if is_newer and release.is_at_least(self.providers.release.airflow_version):
                yield release, version


def package_of(module: str, names: Iterable[str]) -> str:
    """Return which of these packages the module belongs to by its name; "" for none."""
    known = frozenset(names)
    parts = module.split(".")[len(NAMESPACE) :]
    for length in range(min(len(parts), MAX_NAME_PARTS), 0, -1):
        words = "-".join(parts[:length]).replace("_", "-")
        for prefix in PREFIXES:
            if f"{prefix}{words}" in known:
                return f"{prefix}{words}"
    return ""


def distribution_of(module: str, release: Release) -> str:
    """Return the provider package that a module belongs to, of those that this or the newest release knows; or ""."""
    newest = Release.load(DEFAULT_AIRFLOW_VERSION)
    found = (package_of(module, PinFile(item.constraints_path)) for item in (release, newest))
    return next(filter(None, found), "")


def _outcome(item: ProviderImport) -> str:
    return "loading the file fails with an import error" if item.is_sure else "the import fails when it is run"


def similar(module: str, listing: Listing) -> tuple[str, ...]:
    """Return the modules beside this one with a name like its own, the most similar first.

    A name counts as similar too where all its words are in the other: `pod` and `kubernetes_pod`.
    """
    parent, _, name = module.rpartition(".")
    beside = {
        other.rpartition(".")[2]: other for other in sorted(listing.modules) if other.rpartition(".")[0] == parent
    }
    close = difflib.get_close_matches(name, beside, MAX_SIMILAR, SIMILARITY)
    words = frozenset(name.split("_"))
    related = [other for other in beside if words <= (theirs := frozenset(other.split("_"))) or theirs <= words]
    return tuple(beside[other] for other in dict.fromkeys([*close, *related]))[:MAX_SIMILAR]


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True
