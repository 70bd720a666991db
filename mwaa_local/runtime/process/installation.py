"""The project's own package set: a clone of the release's, changed by startup script and requirements as on MWAA.

Its own even without requirements: a startup script may call pip, and must not change what other projects share. It is
made anew when the base, the requirements or the startup script change; MWAA makes it anew at every start.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.configuration.configuration import Configuration, Exports
from mwaa_local.delivery import REQUIREMENTS_FILE, STARTUP_SCRIPT, Delivery
from mwaa_local.files import write_private
from mwaa_local.home import Folder
from mwaa_local.packages import PackageStore, PythonEnvironment
from mwaa_local.plan import MWAA_COMPONENTS, SCHEDULER_HOME, WEBSERVER_HOME, Plan
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.remarks import Remark
from mwaa_local.requirements import install as requirements_install
from mwaa_local.requirements import prepare as requirements
from mwaa_local.runtime.installed import (
    EXPORTS_NAME,
    REQUIREMENTS_LOG_NAME,
    Outcome,
    constraint_remarks,
    outcome_remarks,
    script_remarks,
)
from mwaa_local.runtime.process.homes import Homes
from mwaa_local.runtime.process.more_workers import remember_start
from mwaa_local.runtime.process.scripts import ScriptRuns
from mwaa_local.startup.outcome import StartupOutcome
from mwaa_local.steps import Say, Steps


@dataclass
class Installation:
    """One way to the project's package set. `running` is the plan that runs now, if any.

    `shown` is what components see in each of their homes, None where they share one; `homes` are those homes then.
    """

    configuration: Configuration
    delivery: Delivery
    steps: Steps
    running: Plan | None
    workers: tuple[str, ...]
    shown: Mapping[str, Folder] | None = None
    remarks: list[Remark] = field(default_factory=list)
    homes: Homes | None = None

    def install(self, store: PackageStore, base: PythonEnvironment) -> tuple[PythonEnvironment, Exports]:
        """Return the package set and what the startup script exported for each MWAA component.

        Raises StartupScriptFailed where MWAA's containers would not start; failed requirements are a remark.
        """
        source, script_path = self._requirements(), startup_script_path(self.delivery, self.configuration.release)
        target_dir = package_set_dir(self._project, script_path, base, source)
        packages = PythonEnvironment(target_dir, base.python_version, base.digest)
        outcome = Outcome.read(target_dir)
        if outcome is None:
            self.steps.do("packages", lambda say: _clone(store, base, target_dir, say))
        exports = self._startup_exports(packages, script_path, is_kept=outcome is not None)
        # A start after a failure tries again, as MWAA does; applying another change to a running environment does not.
        if source is not None and (outcome is None or (outcome.failed and self.running is None)):
            outcome = self._install(source, packages, exports)
        outcome = outcome or Outcome()
        outcome.write(target_dir)
        self.remarks += outcome_remarks(outcome, self._log_path, self._known_as(REQUIREMENTS_FILE))
        if self.running is None or not self.running.leaving:  # those that leave may run from an older one
            _remove_other_sets(target_dir, self.running)
        return packages, exports

    @contextlib.contextmanager
    def taken_back_on_failure(self) -> Iterator[None]:
        """Remove the homes that were made if what they were made for does not come about."""
        try:
            yield
        except BaseException:
            if self.homes is not None:
                self.homes.discard()
            raise

    @property
    def _project(self) -> Project:
        return self.configuration.project

    def _known_as(self, name: str) -> str:
        return self.delivery.known_as(name, self._project.root_dir)

    def _requirements(self) -> requirements.PreparedRequirements | None:
        path = self.delivery.requirements_path
        if not path.is_file():
            return None
        work_dir = self._project.state_dir / "requirements"
        release, home_map = self.configuration.release, self.delivery.by_seen_path
        prepared = requirements.prepare(path, release, work_dir, home_map=home_map)
        self.remarks += constraint_remarks(prepared)
        return None if prepared.is_empty else prepared

    def _startup_exports(self, packages: PythonEnvironment, script_path: Path | None, *, is_kept: bool) -> Exports:
        """Return what the script exported. Where the package set `is_kept`, so may be what it has left of a run."""
        exports_path, key = self._project.run_dir / EXPORTS_NAME, packages.dir.name
        views = self.configuration.startup_views(packages) if script_path else {}
        seen = _digest([key, views])
        running = self.running if is_kept else None
        kept = _read_exports(exports_path, seen) if running is not None and script_path else None
        # A script that only sees other variables is asked again for its own; homes are what it made of them.
        self.homes = self._homes(running, key)
        runs = script_path and self._runs(script_path, views, packages)
        outcomes: list[StartupOutcome] = []
        if self.homes is not None:
            outcomes = self._make_homes(self.homes, packages, runs or None, is_asked_again=kept is None)
        elif runs and kept is None:
            outcomes = self.steps.do("startup script", lambda _: runs.in_one_home())
        if self.homes:
            self.homes.finish(key)
            remember_start(self._project, script_path, views)
        self.remarks += script_remarks(outcomes, self._known_as(STARTUP_SCRIPT))
        if script_path is None:
            exports_path.unlink(missing_ok=True)
            return {}
        if kept is not None:
            return kept
        exports = {outcome.component: outcome.exported for outcome in outcomes if outcome.component in MWAA_COMPONENTS}
        write_private(exports_path, json.dumps({**exports, "seen": seen}))
        return exports

    def _make_homes(
        self, homes: Homes, packages: PythonEnvironment, runs: ScriptRuns | None, *, is_asked_again: bool
    ) -> list[StartupOutcome]:
        """Make the homes that are missing; return how the script ended there, and where it was only asked again."""
        release = self.configuration.release
        missing = homes.missing_of((SCHEDULER_HOME, *self.workers, WEBSERVER_HOME))
        new = [homes.begin(name, packages, release) for name in missing]
        if runs is None:
            for home in new:
                home.finish()
            return []
        one_of_each = (SCHEDULER_HOME, self.workers[0], WEBSERVER_HOME)  # of MWAA's components
        again = [name for name in one_of_each if is_asked_again and name not in missing]
        asked = [homes.begin(name, packages, release) for name in again]
        if not new and not asked:
            return []
        return self.steps.do("startup script", lambda _: [*runs.in_homes(new), *runs.asked_again(asked)])

    def _runs(
        self, script_path: Path, views: Mapping[str, Mapping[str, str]], packages: PythonEnvironment
    ) -> ScriptRuns:
        home_dir, logs_dir = Path(self.configuration.home_dir), self._project.logs_dir
        return ScriptRuns(script_path, views, home_dir, logs_dir, lambda: Outcome.forget(packages.dir))

    def _homes(self, running: Plan | None, made_from: str) -> Homes | None:
        """Return the homes that components live in, if they were made from the same, else new ones."""
        if self.shown is None:
            return None
        kept = Homes.running_of(running, self.shown, made_from)
        return kept or Homes.next_of(self._project, self.shown, self.running)

    def _install(
        self, source: requirements.PreparedRequirements, packages: PythonEnvironment, exports: Exports
    ) -> Outcome:
        network = requirements_install.pip_network(self.configuration.host_env)
        env = {**network, **self.configuration.merged(packages, exports)["scheduler"].as_env()}
        home_dir = Path(self.configuration.home_dir)
        result = self.steps.do(
            "requirements",
            lambda _: requirements_install.install(
                source,
                packages.python_path,
                env,
                self._log_path,
                cwd=home_dir,
                wrap=self.homes.argv_in(SCHEDULER_HOME) if self.homes else list,
            ),
        )
        return Outcome.of(result)

    @property
    def _log_path(self) -> Path:
        return self._project.logs_dir / REQUIREMENTS_LOG_NAME


def startup_script_path(delivery: Delivery, release: Release) -> Path | None:
    """Return the startup script that MWAA would run; None where there is none, or the release runs none."""
    path = delivery.startup_script_path
    return path if path.is_file() and release.startup_script else None


def package_set_dir(
    project: Project,
    script_path: Path | None,
    base: PythonEnvironment,
    source: requirements.PreparedRequirements | None,
) -> Path:
    """Return where the package set for these requirements and the startup script is, or would be."""
    script = script_path.read_bytes() if script_path else b""
    key = _digest([base.digest, source.digest if source else "", hashlib.sha256(script).hexdigest()])
    return project.state_dir / "packages" / key


def _clone(store: PackageStore, base: PythonEnvironment, target_dir: Path, say: Say) -> None:
    say("copying the packages for this project")
    store.clone(base, target_dir)


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def _read_exports(path: Path, seen: str) -> Exports | None:
    """Return the exports of the last run if they came from the same script seeing the same variables."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return {name: plain[name] for name in MWAA_COMPONENTS} if plain.pop("seen") == seen else None
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def _remove_other_sets(target_dir: Path, running: Plan | None) -> None:
    """Remove package sets that nothing uses any more; the one that components run from now is still in use."""
    in_use = Path(running.preload_argv[0]).parents[1] if running and running.preload_argv else None
    for folder in target_dir.parent.iterdir():
        if folder not in (target_dir, in_use):
            shutil.rmtree(folder, ignore_errors=True)
