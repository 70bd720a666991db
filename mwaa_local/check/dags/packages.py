"""The packages that DAGs are imported with: the release's own and what the requirements file brings.

If nothing changed since this project's environment was started, its packages are used. Otherwise pip installs the
requirements, as on MWAA, into a copy that is kept for the next check.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from mwaa_local import isolation
from mwaa_local.check.context import CheckContext
from mwaa_local.check.requirements.resolution import INSTALL_FAILED
from mwaa_local.finding import ERROR, WARNING, Finding
from mwaa_local.home import Folder, Home
from mwaa_local.packages import PythonEnvironment, locked
from mwaa_local.requirements import install as requirements_install
from mwaa_local.requirements import prepare as requirements
from mwaa_local.runtime.installed import Outcome
from mwaa_local.runtime.process.installation import package_set_dir, startup_script_path
from mwaa_local.sandbox import trial_env
from mwaa_local.startup.state import ContainerState
from mwaa_local.steps import Say, Steps

DIR_NAME = "check-packages"  # below `.mwaa-local/`
LOCK_NAME = "lock"
LOG_NAME = "pip.log"
COPY_NAME = "dag-packages"  # beside the home of the startup script's trial
STEP = "dag packages"


@dataclass(frozen=True)
class DagPackages:
    """A package set, and the findings from making it."""

    packages: PythonEnvironment
    findings: tuple[Finding, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether pip could not install the requirements, and cannot on MWAA."""
        return (INSTALL_FAILED, ERROR) in self._outcomes

    @property
    def failed_here(self) -> bool:
        """Whether pip could not install them for what only this machine lacks."""
        return (INSTALL_FAILED, WARNING) in self._outcomes

    @property
    def _outcomes(self) -> set[tuple[str, str]]:
        return {(finding.rule, finding.severity) for finding in self.findings}


@dataclass(frozen=True)
class DagPackagesMaker:
    """Makes the set of one project. `state` is what the startup script left in the scheduler."""

    context: CheckContext
    state: ContainerState
    steps: Steps

    def make(self) -> DagPackages:
        """Return the set; if pip fails, as far as it got, with a finding: MWAA starts without the requirements."""
        context = self.context
        path, folder = context.project.requirements_path, context.project.state_dir / DIR_NAME
        if not path.is_file():
            return self._of_script()
        context.project.make_state_dir()
        prepared = requirements.prepare(path, context.release, folder / "requirements", home_map=context.home_map)
        if prepared.is_empty:
            return self._of_script()
        script_path = startup_script_path(context.project.delivery, context.release)
        started_dir = package_set_dir(context.project, script_path, context.base, prepared)
        if (outcome := Outcome.read(started_dir)) is not None and not outcome.failed:
            return DagPackages(self._set_in(started_dir))
        target_dir = folder / started_dir.name
        return self.steps.do(STEP, lambda say: self._kept(prepared, target_dir, say))

    def _of_script(self) -> DagPackages:
        """Return what there is without requirements; a copy goes with the home that the script has changed, too."""
        if self.state.home_dir is None:
            return DagPackages(self.context.base)
        target_dir = self.state.home_dir.parent / COPY_NAME
        return DagPackages(self.state.packages(self.context.store, self.context.base, target_dir))

    def _kept(self, prepared: requirements.PreparedRequirements, target_dir: Path, say: Say) -> DagPackages:
        packages = self._set_in(target_dir)
        with locked(target_dir.parent / LOCK_NAME, say):
            outcome = Outcome.read(target_dir)
            if outcome is None or outcome.failed:
                _remove_sets(target_dir.parent)
                outcome = self._install(prepared, packages, say)
                outcome.write(target_dir)
        return DagPackages(packages, (self._install_failed(outcome),) if outcome.failed else ())

    def _set_in(self, folder: Path) -> PythonEnvironment:
        return PythonEnvironment(folder, self.context.base.python_version, self.context.base.digest)

    def _install(self, prepared: requirements.PreparedRequirements, packages: PythonEnvironment, say: Say) -> Outcome:
        say("pip installs them into a copy of the release's packages, which is kept for the next check")
        self.state.clone_packages(self.context.store, self.context.base, packages.dir)
        home_dir = self.state.home_dir or packages.dir.parent / "airflow"
        home_dir.mkdir(exist_ok=True)
        folders = self.context.folders
        is_shown = not isolation.cannot_enter(isolation.Layout(home_dir, folders))
        seen_dir = isolation.MWAA_HOME_DIR if is_shown else home_dir
        shown = Home(str(home_dir), {name: Folder.at(path) for name, path in folders.items()})
        network = requirements_install.pip_network(self.context.env)
        trial = trial_env(self.context, packages, seen_dir, self.state.exports)
        result = requirements_install.install(
            prepared,
            packages.python_path,
            {**network, **trial},
            packages.dir.parent / LOG_NAME,
            cwd=home_dir,
            wrap=shown.command if is_shown else list,
        )
        return Outcome.of(result)

    def _install_failed(self, outcome: Outcome) -> Finding:
        project = self.context.project
        log_path = project.relative(project.state_dir / DIR_NAME / LOG_NAME)
        path, reason = project.relative(project.requirements_path), project.relative(outcome.failed)
        if outcome.is_of_machine:
            what = "the requirements cannot be installed on this machine; DAGs are imported without them"
            return Finding(INSTALL_FAILED, WARNING, path, 0, what, f"{reason}.", outcome.hint)
        return Finding(
            INSTALL_FAILED,
            ERROR,
            path,
            0,
            "pip could not install the requirements; DAGs are imported without them",
            f"{reason}\nMWAA also starts Airflow without them.",
            f"see `mwaa-local check requirements`, and pip's output in {log_path}",
        )


def _remove_sets(folder: Path) -> None:
    """Remove those of other requirements, and what an interrupted install has left."""
    for python_path in folder.glob("*/bin"):
        shutil.rmtree(python_path.parent, ignore_errors=True)
