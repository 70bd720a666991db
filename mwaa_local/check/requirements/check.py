"""Whether a requirements file works on MWAA, and why not: resolution, findings, and what comes of both."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mwaa_local.cache.users import CHECK, User
from mwaa_local.check.requirements import replaced as replaced_rules
from mwaa_local.check.requirements import rules
from mwaa_local.check.requirements.builds import Builds
from mwaa_local.check.requirements.changes import (
    broken_by,
    changed,
    describe_broken,
    install_estimate_s,
    package_changes,
    without_wheel,
)
from mwaa_local.check.requirements.conflicts import NOT_THERE, Explanation
from mwaa_local.check.requirements.constraints_release import constraints_of_no_release
from mwaa_local.check.requirements.lines import Line, read
from mwaa_local.check.requirements.pip_choice import PipChoice
from mwaa_local.check.requirements.pip_plan import Pips
from mwaa_local.check.requirements.provider_imports import ProviderImport, provider_imports
from mwaa_local.check.requirements.provider_listing import Listings
from mwaa_local.check.requirements.provider_modules import Download, Providers, provider_findings
from mwaa_local.check.requirements.replaced import AIRFLOW
from mwaa_local.check.requirements.resolver import NotReached, Package, Question, Refused, Resolved, Resolver
from mwaa_local.check.requirements.rule import Startup, exact_version
from mwaa_local.check.requirements.source import Source, own_variables, take_apart
from mwaa_local.check.requirements.startup_exports import Exported, StartupScript
from mwaa_local.check.requirements.startup_findings import export_findings, left_to_script, unknown_index
from mwaa_local.check.requirements.verdict import (
    Broken,
    Checked,
    Clash,
    Conflict,
    NoWheel,
    PackageChange,
    Unchecked,
    Verdict,
    Works,
)
from mwaa_local.check.requirements.without_wheel import tell
from mwaa_local.check.requirements.yanked import yanked_findings
from mwaa_local.command import interrupting
from mwaa_local.finding import Finding, in_order
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.requirements.install import REQUIREMENTS_INSTALL_TIMEOUT_S
from mwaa_local.runtime.installed import NETWORK_HINT
from mwaa_local.scratch import scratch_folder

RELEASES_AT_ONCE = 4  # most of the time uv waits for the index
MAX_NAMED = 4  # packages in one sentence
MAX_BROKEN = 10  # questions asked about what no longer fits together
COVERED_BY_CONFLICT = (
    "overrides-base",
    "overrides-essential",
    "invalid-requirement",
    "unpinned",
    "other-release-constraints",
    "local-path",
)  # rules whose point a conflict makes
UV_FAILED_HINT = "read uv's lines above; uv uses the UV_… variables of your shell, such as UV_CACHE_DIR"


Uv = TypeVar("Uv", bound=Resolver)


@dataclass(frozen=True)
class RequirementsCheck:
    """Checks one file. `env` is the caller's environment; `variables` are what `${NAME}` in the file can mean."""

    project: Project
    path: Path
    env: Mapping[str, str]
    variables: Mapping[str, str]
    private_webserver: bool = False
    cache_dir: Path | None = None  # where what is looked up of providers is kept; None: DAGs are not looked at
    pips: Pips | None = None  # to ask pip where uv may choose otherwise; None: uv's answer stands
    script: StartupScript = field(default_factory=StartupScript)  # runs before pip on MWAA
    declared: Mapping[str, str] = field(default_factory=dict)  # what else `${NAME}` in the file can mean

    @functools.cached_property
    def _imports(self) -> tuple[ProviderImport, ...]:
        return provider_imports(self.project)

    def check_all(self, releases: Sequence[Release], on_checked: Callable[[Checked], None]) -> list[Checked]:
        """Return the outcome for each release, in their order; `on_checked` is told of each as soon as it is known."""

        def one(release: Release) -> Checked:
            checked = self.check(release)
            on_checked(checked)
            return checked

        if len(releases) == 1:  # in this thread, where an interrupt ends uv at once
            return [one(releases[0])]
        self._run_script_first(releases)
        pool = ThreadPoolExecutor(RELEASES_AT_ONCE)
        try:
            with interrupting():
                return list(pool.map(one, releases))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def check(self, release: Release) -> Checked:
        """Return the outcome for one release."""
        started = time.monotonic()
        script, exported = self.script_of(release), self.exported(release)
        with scratch_folder("mwaa-local-check-") as folder:
            source, resolver = self.parts(release, folder, exported, Resolver)
            variables = {**self.variables, **exported.for_commands(self._home_map)}
            choice = PipChoice(source, resolver, self.pips, variables, self.project.root_dir)
            builds = Builds(resolver, source.options, script, self._home_map)
            verdict, changes, yanked = _verdict(source, builds, release, choice, exported)
            startup = Startup(script, exported, source.settings)
            found = rules.findings(source.entries, release, self.private_webserver, startup)
            replaced = replaced_rules.replaced_airflow(changes, source, resolver)
            findings = [
                *choice.findings,
                *export_findings(source.path, script, exported),
                *_without_repeats(found, verdict, replaced),
                *([replaced] if replaced else []),
                *yanked_findings(yanked, changes, source.packages, source.path),
                *self._of_dags(source, resolver, Providers(release, verdict, changes, source.packages)),
            ]
        return Checked(
            source.path,
            release.airflow_version,
            release.python_version,
            verdict,
            in_order(findings),
            time.monotonic() - started,
        )

    def _of_dags(self, source: Source, resolver: Resolver, providers: Providers) -> Iterator[Finding]:
        """Yield what is to be said of DAGs and plugins that import what no provider has."""
        if self.cache_dir is not None and not isinstance(providers.verdict, Unchecked):
            user = User(self.cache_dir, self.project, CHECK)
            listings = Listings(self.cache_dir, Download(source, resolver, providers.changes), user)
            yield from provider_findings(self._imports, providers, listings)

    def _run_script_first(self, releases: Sequence[Release]) -> None:
        """Have the startup script run, where any of the checks may ask for it, before there are threads."""
        for release in releases:
            self.exported(release)
            self.script_of(release).for_builds()

    def exported(self, release: Release) -> Exported:
        """Return what the startup script exports, where that can matter to pip."""
        entries = read(self.path, self.project.root_dir, self._home_map, self._known(release))
        unknown = {name for entry in entries if isinstance(entry, Line) for name in entry.unknown_variables}
        return self.script_of(release).for_pip(unknown)

    def parts(self, release: Release, folder: Path, exported: Exported, kind: type[Uv]) -> tuple[Source, Uv]:
        """Return the file taken apart, and uv for it, with their own files below a folder."""
        source = take_apart(
            self.project, self.path, release, folder / "file", {**self.declared, **self.variables}, exported
        )
        variables = {**self.variables, **exported.for_commands(self._home_map)}
        return source, kind(release, folder / "uv", self.env, variables, source.index_url, source.mask)

    def script_of(self, release: Release) -> StartupScript:
        """Return the startup script, an empty one for a release that runs none."""
        return self.script if release.startup_script else StartupScript()

    def _known(self, release: Release) -> dict[str, str]:
        return {**self.declared, **self.variables, **own_variables(release)}

    @property
    def _home_map(self) -> Mapping[str, Path]:
        return self.project.delivery.by_seen_path


def _without_repeats(findings: Sequence[Finding], verdict: Verdict, replaced: Finding | None) -> Iterator[Finding]:
    """Yield the findings without those that a conflict on the same line, or a replaced Airflow, tells better."""
    lines = {(clash.path, clash.line) for clash in verdict.clashes} if isinstance(verdict, Conflict) else set()
    for finding in findings:
        is_told = (finding.path, finding.line) in lines and finding.rule in COVERED_BY_CONFLICT
        if not is_told and not (replaced is not None and finding.rule in replaced_rules.COVERED):
            yield finding


def _verdict(
    source: Source, builds: Builds, release: Release, choice: PipChoice, exported: Exported
) -> tuple[Verdict, tuple[PackageChange, ...], Mapping[str, str]]:
    """Return the verdict, what pip would change as far as it finds versions at all, and which of these were yanked."""
    resolver = builds.resolver
    if source.unreadable is not None:
        entry = source.unreadable
        return Unchecked(f"{entry.path} cannot be read", entry.what, entry.hint), (), {}
    if source.made_by_script and not source.refused:
        return left_to_script(source.made_by_script[0]), (), {}
    if source.refused or source.missing:
        return Conflict(tuple(_refused(line) for line in (*source.refused, *source.missing)), ""), (), {}
    if not source.packages:
        return Works(()), (), {}
    if unknown := tuple(constraints_of_no_release(source, resolver)):
        return Conflict(unknown, ""), (), {}
    base = release.packages.base
    answer = choice.settled(source.question(source.packages, source.pins, base, "all"))
    if isinstance(answer, NotReached):
        return _no_answer(source, answer), (), {}
    if isinstance(answer, Refused):
        return unknown_index(exported, answer) or Explanation(source, builds, base).conflict(answer), (), {}
    packages = changed(answer.packages, release)
    metadata = resolver.metadata(packages, source.options)
    changes = package_changes(packages, release, metadata, source.packages)
    if _replaces_airflow(changes):  # all else follows from that, and would go with it
        return Works(changes, install_estimate_s=install_estimate_s(changes)), changes, {}
    unbuildable, sources = tell(source, builds, answer.packages, without_wheel(packages, metadata, release))
    if unbuildable:
        return NoWheel(unbuildable), changes, answer.yanked
    works = Works(changes, _broken(packages, changes, resolver, release), sources, install_estimate_s(changes))
    return works, changes, answer.yanked


def _no_answer(source: Source, answer: NotReached) -> Unchecked:
    if answer.is_uv:
        return Unchecked("uv could not look for versions", answer.said, UV_FAILED_HINT)
    if not answer.is_late:
        return Unchecked("the package index, or another address, could not be reached", answer.said, NETWORK_HINT)
    free = [line.name for line in source.packages if line.name and not exact_version(line.requirement)]
    why = (
        f"{answer.said}: there are too many releases to go through. pip on MWAA goes through them too, and is stopped "
        f"after {REQUIREMENTS_INSTALL_TIMEOUT_S} s; Airflow then starts without the requirements."
    )
    named = f": nothing holds {', '.join(free[:MAX_NAMED])}" if free else ""
    return Unchecked("finding versions that fit takes too long", why, f"pin exact versions in the file{named}")


def _replaces_airflow(changes: Sequence[PackageChange]) -> bool:
    return any(change.name == AIRFLOW and change.base_version for change in changes)


def _refused(line: Line) -> Clash:
    if line.problem:
        return Clash(line.path, line.number, line.text, "", "", f"pip says: {line.problem}.", is_unreadable=True)
    return Clash(line.path, line.number, line.text, "", "", NOT_THERE)


def _broken(
    packages: Mapping[str, Package], changes: Sequence[PackageChange], resolver: Resolver, release: Release
) -> tuple[Broken, ...]:
    """Return the image's packages that what changes does not suit: pip warns of them when all is done."""
    base = release.packages.base
    moved = {name: item.version for name, item in packages.items() if item.version and name in base}
    if not moved:
        return ()
    fits = _Fits(resolver.of_usual_index())
    left = {name: version for name, version in base.items() if name not in moved}
    found: list[Broken] = []
    for _ in range(MAX_BROKEN):
        answer = fits.ask({**left, **moved})
        if not isinstance(answer, Refused):
            break
        suspects = [name for name in broken_by(packages, answer.reasons, base) if name in left]
        for name in suspects:
            alone = fits.ask({name: left[name], **moved})
            if isinstance(alone, Refused) and isinstance(fits.ask({name: left[name]}), Resolved):
                found.append(describe_broken(name, left[name], changes, alone.reasons))
            del left[name]  # a culprit once found, or no part of this; either way the next question is another one
        if not suspects:
            break
    return tuple(found)


@dataclass(frozen=True)
class _Fits:
    """Asks whether packages suit each other in exactly these versions."""

    resolver: Resolver

    def ask(self, pins: Mapping[str, str]) -> Resolved | Refused | NotReached:
        return self.resolver.resolve(Question(self._files(pins), (), pins))

    def _files(self, pins: Mapping[str, str]) -> list[Path]:
        path = self.resolver.path("pins.txt")
        path.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))
        return [path]
