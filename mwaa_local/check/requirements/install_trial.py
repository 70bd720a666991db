"""Install a requirements file for real, into a copy of the release's packages that is thrown away, and import it all.

What is resolved can still fail: at a hash, at a build, at its first import. pip runs as in MWAA's containers, on this
machine's platform, with what the startup script exports where that may matter to it. Then every top-level module of
what pip brought is imported, and every module that a provider names to Airflow. What did not import in the release's
own packages either is not held against the requirements.

Not for resolving (`check`), nor for asking interpreters (`import_trial`), nor for the packages of
an environment that runs (`installation`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mwaa_local import isolation
from mwaa_local.cache.kept import RANDOM, CacheKind, is_folder
from mwaa_local.check.context import CheckContext
from mwaa_local.check.requirements.import_trial import Distribution, ImportFailure, Probe
from mwaa_local.check.requirements.resolution import IMPORT_ERROR, INSTALL_FAILED
from mwaa_local.check.requirements.source import NOTHING_EXPORTED, settings_of
from mwaa_local.check.requirements.startup_exports import Exported
from mwaa_local.check.requirements.verdict import Checked, PackageChange, Works
from mwaa_local.finding import ERROR, WARNING, Finding
from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import TEMPORARY_NAME, Project
from mwaa_local.requirements import install as requirements_install
from mwaa_local.requirements import prepare as requirements
from mwaa_local.requirements.install import InstallFailed
from mwaa_local.sandbox import trial_env
from mwaa_local.scratch import scratch_folder
from mwaa_local.steps import Say, Steps

DIR_NAME = "install-check"  # below `.mwaa-local/`: pip's log stays there
LOG_NAME = "pip.log"
MAX_NAMED_MODULES = 3  # in one finding; a provider that does not fit breaks in many modules at once


@dataclass(frozen=True)
class InstallTrialResult:
    """What a trial says. `installed` are the packages that pip added or changed, as `name version`."""

    findings: tuple[Finding, ...]
    installed: tuple[str, ...]
    imported: int
    log_path: Path


PREFIX = "trial-"
KEPT = CacheKind("trial install", "", f"{PREFIX}{RANDOM}", is_folder, is_leftover=True)


@dataclass(frozen=True)
class InstallTrial:
    """Installs one requirements file for one release."""

    context: CheckContext
    path: Path
    steps: Steps
    exported: Exported = NOTHING_EXPORTED

    def run(self, checked: Checked) -> InstallTrialResult:
        """Return how installing and importing ended; `checked` is what resolving the same file said.

        Raises DiskFull where there is no room for the copy, PackagesUnavailable where the release's packages do not
        even say what they are.
        """
        context = self.context
        context.project.make_state_dir()
        log_path = context.project.state_dir / DIR_NAME / LOG_NAME
        context.cache_dir.mkdir(parents=True, exist_ok=True)
        # Beside the release's packages, so that the copy can be made of hard links.
        with scratch_folder(PREFIX, context.cache_dir) as work_dir:
            clone = self.steps.do("packages", lambda say: self._clone(work_dir / "packages", say))
            env = self._component_env(clone, work_dir / "airflow")
            result = self._install(clone, env, work_dir, log_path)
            if isinstance(result, InstallFailed):
                failed = _install_failed(result, checked, context.project)
                return InstallTrialResult((failed,), (), 0, log_path)
            probe = Probe(work_dir, env)
            return self.steps.do("imports", lambda say: _imports(probe, context.base, clone, checked, log_path, say))

    def _clone(self, target_dir: Path, say: Say) -> PythonEnvironment:
        say("copying the release's packages for a trial")
        return self.context.store.clone(self.context.base, target_dir)

    def _component_env(self, packages: PythonEnvironment, home_dir: Path) -> dict[str, str]:
        """Return the scheduler's variables, with an Airflow home of the trial's own and no database behind them."""
        folders = self.context.folders
        isolation.link_mwaa_paths(isolation.Layout(home_dir, folders))
        (home_dir / TEMPORARY_NAME).mkdir()
        return trial_env(self.context, packages, home_dir, self.exported.for_commands(self.context.home_map))

    def _install(
        self, clone: PythonEnvironment, env: Mapping[str, str], work_dir: Path, log_path: Path
    ) -> requirements_install.Installed | InstallFailed:
        context = self.context
        prepared = requirements.prepare(
            self.path, context.release, work_dir / "requirements", home_map=context.home_map
        )
        settings = settings_of(context.project, context.release, work_dir / "settings", self.exported)
        prepared = replace(prepared, argv_tail=(*settings.argv, *prepared.argv_tail))
        network = requirements_install.pip_network(context.env)

        def install(say: Say) -> requirements_install.Installed | InstallFailed:
            say("pip installs them into the copy")
            return requirements_install.install(
                prepared, clone.python_path, {**network, **env}, log_path, cwd=work_dir / "airflow"
            )

        return self.steps.do("requirements", install)


def _install_failed(result: InstallFailed, checked: Checked, project: Project) -> Finding:
    hint, reason = f"pip's output is in {project.relative(result.log_path)}", project.relative(result.reason)
    if result.is_of_machine:
        what = "the requirements cannot be installed on this machine"
        return Finding(INSTALL_FAILED, WARNING, checked.path, 0, what, f"{reason}.", hint)
    return Finding(
        INSTALL_FAILED,
        ERROR,
        checked.path,
        0,
        "pip could not install the requirements",
        f"{reason}\nMWAA starts Airflow anyway, without them.",
        hint,
    )


def _imports(
    probe: Probe, base: PythonEnvironment, clone: PythonEnvironment, checked: Checked, log_path: Path, say: Say
) -> InstallTrialResult:
    before, after = probe.installed(base), probe.installed(clone)
    changed = [item for name, item in after.items() if name not in before or before[name].version != item.version]
    tops = {module: item for item in changed for module in item.modules}
    provided = {module: item for items in (before, after) for item in items.values() for module in item.provided}
    modules = [*tops, *provided]
    say(f"importing {len(dict.fromkeys(modules))} modules: those at the top of what changed, and those of providers")
    failures = probe.failures(clone, modules)
    failed_before = _failed_before(probe, base, before, failures)
    judge = _Judge(checked, tops, provided, {item.name: item for item in changed}, before, failed_before)
    return InstallTrialResult(
        findings=tuple(judge.findings(failures)),
        installed=tuple(f"{item.name} {item.version}" for item in changed),
        imported=len(dict.fromkeys(modules)) - len(failures),
        log_path=log_path,
    )


def _failed_before(
    probe: Probe, base: PythonEnvironment, before: Mapping[str, Distribution], failures: Iterable[ImportFailure]
) -> set[str]:
    """Return which of these providers' modules could not be imported in the release's own packages either."""
    known = {module for item in before.values() for module in item.provided}
    asked = [failure.module for failure in failures if failure.module in known]
    return {failure.module for failure in probe.failures(base, asked)}


@dataclass(frozen=True)
class _Judge:
    """Says what an import that failed means."""

    checked: Checked
    tops: Mapping[str, Distribution]
    provided: Mapping[str, Distribution]
    changed: Mapping[str, Distribution]
    before: Mapping[str, Distribution]
    failed_before: set[str]

    def findings(self, failures: Iterable[ImportFailure]) -> Iterator[Finding]:
        """Yield a finding for each package and reason."""
        groups: dict[tuple[str, bool, str], list[ImportFailure]] = {}
        for failure in failures:
            if self._counts(failure):
                package = (self.tops.get(failure.module) or self.provided[failure.module]).name
                gone = self._is_gone(failure, package)
                groups.setdefault((package, gone, "" if gone else failure.reason), []).append(failure)
        for (package, gone, _), group in groups.items():
            yield self._gone(package, group) if gone else self._broken(package, group)

    def _counts(self, failure: ImportFailure) -> bool:
        if failure.module in self.tops:
            return True
        known = {module for item in self.before.values() for module in item.provided}
        if failure.module in known:
            return failure.module not in self.failed_before
        return not failure.is_optional

    def _is_gone(self, failure: ImportFailure, package: str) -> bool:
        """Whether a provider that was changed simply has no such module any more."""
        return failure.module not in self.tops and failure.is_gone and package in self.changed

    def _broken(self, package: str, group: Sequence[ImportFailure]) -> Finding:
        first = group[0]
        return Finding(
            IMPORT_ERROR,
            ERROR,
            self.checked.path,
            _line_of(package, self.checked),
            f"{_named(group)} of {package} cannot be imported",
            f"{first.reason}" + (f"\nat {first.place}" if first.place else ""),
            self._hint(package),
        )

    def _gone(self, package: str, group: Sequence[ImportFailure]) -> Finding:
        version = self.changed[package].version
        return Finding(
            IMPORT_ERROR,
            WARNING,
            self.checked.path,
            _line_of(package, self.checked),
            f"{package} {version} no longer has {_named(group)}",
            f"{self.before[package].version}, which is in MWAA's image, has it; DAGs that import it would fail.",
            "see the provider's changelog for what took its place",
        )

    def _hint(self, package: str) -> str:
        if package in self.changed:
            return f"ask for another version of {package}, or add what it needs"
        return f"{package} is not changed itself: ask for other versions of what it imports, or leave them out"


def _named(group: Sequence[ImportFailure]) -> str:
    names = ", ".join(failure.module for failure in group[:MAX_NAMED_MODULES])
    more = len(group) - MAX_NAMED_MODULES
    return f"{names} and {more} more" if more > 0 else names


def _line_of(package: str, checked: Checked) -> int:
    """Return the line that asks for the package, or for one that wants it; 0 where the resolution did not tell."""
    changes = {item.name: item for item in checked.verdict.changes} if isinstance(checked.verdict, Works) else {}
    return _line_in(changes, package, Path(checked.path).name, frozenset())


def _line_in(changes: Mapping[str, PackageChange], package: str, file: str, seen: frozenset[str]) -> int:
    if package not in changes or package in seen:
        return 0
    change = changes[package]
    for name, number in change.places:
        if name == file:
            return number
    lines = (_line_in(changes, reason, file, seen | {package}) for reason in change.reasons)
    return next((line for line in lines if line), 0)
