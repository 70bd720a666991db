"""Install a requirements file for real, into a copy of the release's packages that is thrown away, and import it all.

What is resolved can still fail: at a hash, at a build, at its first import. pip runs as in MWAA's containers, on this
machine's platform, without a startup script before it. Then every top-level module of what pip brought is imported,
and every module that a provider names to Airflow. What did not import in the release's own packages either is not held
against the requirements.

Not for resolving (`check`), nor for the packages of an environment that runs (`installation`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from mwaa_local import isolation
from mwaa_local.cache.kept import RANDOM, CacheKind, is_folder
from mwaa_local.check.context import CheckContext
from mwaa_local.check.requirements.resolution import IMPORT_ERROR, INSTALL_FAILED
from mwaa_local.check.requirements.verdict import Checked, PackageChange, Works
from mwaa_local.command import Completed, Request, run
from mwaa_local.errors import PackagesUnavailable
from mwaa_local.finding import ERROR, WARNING, Finding
from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import TEMPORARY_NAME
from mwaa_local.requirements import install as requirements_install
from mwaa_local.requirements import prepare as requirements
from mwaa_local.requirements.install import PIP_NETWORK_VARIABLES, InstallFailed
from mwaa_local.sandbox import trial_env
from mwaa_local.scratch import scratch_folder
from mwaa_local.steps import Say, Steps

DIR_NAME = "install-check"  # below `.mwaa-local/`: pip's log stays there
LOG_NAME = "pip.log"
PROBE_PATH = Path(__file__).parents[2] / "guest" / "import_probe.py"
LIST_TIMEOUT_S = 120.0
# For all modules of one interpreter: those of a whole package set take about 5 s on a small machine.
IMPORT_TIMEOUT_S = 180.0
MAX_INTERPRETERS = 5  # each after the first goes on behind a module that ended the one before
MAX_NAMED_MODULES = 3  # in one finding; a provider that does not fit breaks in many modules at once
OPTIONAL_FEATURE = "AirflowOptionalProviderFeatureException"


@dataclass(frozen=True)
class Distribution:
    """An installed package: the modules at its top, and those that it provides to Airflow."""

    name: str  # normalised
    version: str
    modules: tuple[str, ...]
    provided: tuple[str, ...]


@dataclass(frozen=True)
class ImportFailure:
    """Why a module cannot be imported. `missing` is the module that was not found, where that is why."""

    module: str
    kind: str  # the exception's class, or "" where the interpreter ended or did not come back
    said: str
    missing: str = ""
    place: str = ""

    @property
    def is_optional(self) -> bool:
        """Whether it only says that a package for an additional feature is not there."""
        core = self.missing.startswith("airflow.") and not self.missing.startswith("airflow.providers.")
        return self.kind == OPTIONAL_FEATURE or (self.kind == ModuleNotFoundError.__name__ and not core)

    @property
    def is_gone(self) -> bool:
        """Whether the module itself, or a package that it is in, is not there."""
        return bool(self.missing) and (self.module == self.missing or self.module.startswith(f"{self.missing}."))

    @property
    def reason(self) -> str:
        return f"{self.kind}: {self.said}" if self.kind else self.said


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
                return InstallTrialResult((_install_failed(result, checked),), (), 0, log_path)
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
        return trial_env(self.context, packages, home_dir)

    def _install(
        self, clone: PythonEnvironment, env: Mapping[str, str], work_dir: Path, log_path: Path
    ) -> requirements_install.Installed | InstallFailed:
        context = self.context
        prepared = requirements.prepare(
            self.path, context.release, work_dir / "requirements", home_map=context.home_map
        )
        network = {name: context.env[name] for name in PIP_NETWORK_VARIABLES if name in context.env}

        def install(say: Say) -> requirements_install.Installed | InstallFailed:
            say("pip installs them into the copy")
            return requirements_install.install(
                prepared, clone.python_path, {**network, **env}, log_path, cwd=work_dir / "airflow"
            )

        return self.steps.do("requirements", install)


@dataclass(frozen=True)
class Probe:
    """Asks interpreters what is installed and what can be imported, each in a process of its own."""

    work_dir: Path
    env: Mapping[str, str]
    import_timeout_s: float = IMPORT_TIMEOUT_S

    def installed(self, packages: PythonEnvironment) -> dict[str, Distribution]:
        """Return the packages by name. Raises PackagesUnavailable when the interpreter does not say."""
        completed, answers = self._run(packages, "list", LIST_TIMEOUT_S)
        if not completed.ok:
            raise PackagesUnavailable(
                "cannot list the installed packages",
                completed.output.strip()[-requirements_install.REASON_LINE_CHARACTERS :],
                "look at what the requirements do to Python's own files",
            )
        found: dict[str, Distribution] = {}
        for answer in answers:
            name = canonicalize_name(answer["name"])
            # The first of two of one name is the one that is imported.
            found.setdefault(
                name, Distribution(name, answer["version"], tuple(answer["modules"]), tuple(answer["provided"]))
            )
        return found

    def failures(self, packages: PythonEnvironment, modules: Sequence[str]) -> list[ImportFailure]:
        """Return what cannot be imported. A module that ends the interpreter, or never returns, is one of these."""
        left, found = list(dict.fromkeys(modules)), []
        for _ in range(MAX_INTERPRETERS):
            if not left:
                break
            names_path = self.work_dir / "modules.txt"
            names_path.write_text("\n".join(left), encoding="utf-8")
            completed, answers = self._run(packages, "import", self.import_timeout_s, str(names_path))
            ended = {answer["module"] for answer in answers if "kind" in answer}
            found += [_failure(answer, packages) for answer in answers if answer.get("kind")]
            begun = [answer["module"] for answer in answers if answer["module"] not in ended]
            found += [self._ended_by(module, completed) for module in begun]
            left = [module for module in left if module not in ended and module not in begun]
            if not answers:
                break
        return [*found, *(ImportFailure(module, "", "not tried, because others crashed Python") for module in left)]

    def _ended_by(self, module: str, completed: Completed) -> ImportFailure:
        if completed.timed_out:
            return ImportFailure(module, "", f"the import was not done when {self.import_timeout_s:g} s were over")
        return ImportFailure(module, "", f"the import crashed Python with exit code {completed.exit_code}")

    def _run(
        self, packages: PythonEnvironment, wish: str, timeout_s: float, *more: str
    ) -> tuple[Completed, list[dict[str, Any]]]:
        answers_path = self.work_dir / "answers.jsonl"
        answers_path.unlink(missing_ok=True)
        # -I: neither this file's folder nor the caller's variables change what is imported.
        argv = [str(packages.python_path), "-I", str(PROBE_PATH), wish, str(answers_path), *more]
        completed = run(Request(argv, self.env, self.work_dir, timeout_s, alone=True))
        lines = answers_path.read_text(encoding="utf-8").splitlines() if answers_path.exists() else []
        return completed, [json.loads(line) for line in lines]


def _failure(answer: Mapping[str, str], packages: PythonEnvironment) -> ImportFailure:
    """Return the failure without the folder of the packages, which is gone when this is read."""
    folder = f"{packages.site_packages_dir}/"
    return ImportFailure(**{name: text.replace(folder, "") for name, text in answer.items()})


def _install_failed(result: InstallFailed, checked: Checked) -> Finding:
    return Finding(
        INSTALL_FAILED,
        ERROR,
        checked.path,
        0,
        "pip could not install the requirements",
        f"{result.reason}\nMWAA starts Airflow anyway, without them.",
        f"pip's output is in {result.log_path}",
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
