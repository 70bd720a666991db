"""The startup script of a project, run for the check of requirements when that asks for it; and what MWAA sets itself.

Not for what its exports mean: that is `startup_exports`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

from mwaa_local.check.context import CheckContext
from mwaa_local.check.environment import script_text
from mwaa_local.check.requirements.startup_exports import Exported, StartupScript
from mwaa_local.configuration.base import region_of
from mwaa_local.configuration.configuration import Configuration
from mwaa_local.configuration.local_values import PREVIEW
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import MwaaLocalError
from mwaa_local.isolation import MWAA_HOME_DIR
from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import MARK_VARIABLE, Project
from mwaa_local.release import Release
from mwaa_local.startup.trial import Trials, running_trials

SCHEDULER = "scheduler"  # one install serves all components, with this one's variables
# What a place has of its own: no line of a requirements file means it.
_OF_THE_PLACE = ("PATH", "LANG", "TMPDIR", MARK_VARIABLE)


@contextlib.contextmanager
def script_on_demand(project: Project, context: Callable[[], CheckContext]) -> Iterator[StartupScript]:
    """Yield the project's startup script; the first to ask for its exports has it run. They last as long as this does.

    `context` makes what a run stands on, the release's packages among them, which may take a while the first time.
    To be asked before the caller has threads: the run is a fork of this process.
    """
    with contextlib.ExitStack() as stack:

        def run() -> Exported:
            try:
                trials = stack.enter_context(running_trials(context(), (SCHEDULER,)))
                return Exported.of(trials.of(SCHEDULER))
            except MwaaLocalError as error:
                return Exported(problem=f"it cannot be run: {error.what}")

        yield script_of(project, run)


def script_of_trials(project: Project, trials: Trials) -> StartupScript:
    """Return the project's startup script, whose runs are in progress; an empty one where there are none."""
    if SCHEDULER not in trials.components:
        return StartupScript()

    def run() -> Exported:
        try:
            return Exported.of(trials.of(SCHEDULER))
        except MwaaLocalError as error:
            return Exported(problem=f"it cannot be run: {error.what}")

    return script_of(project, run)


def script_of(project: Project, run: Callable[[], Exported]) -> StartupScript:
    """Return the project's startup script, an empty one where there is none."""
    path = project.startup_script_path
    if not path.is_file():
        return StartupScript()
    shown = path.relative_to(project.root_dir).as_posix() if path.is_relative_to(project.root_dir) else str(path)
    return StartupScript(script_text(project), shown, run)


def declared_variables(
    project: Project, environment: Environment, release: Release, env: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables that pip's container has before the startup script runs; `env` is the caller's shell."""
    packages = PythonEnvironment(MWAA_HOME_DIR / ".local", release.python_full_version, "")
    region = {"AWS_REGION": region_of(env)}
    configuration = Configuration(project, environment, release, PREVIEW, str(MWAA_HOME_DIR), region)
    merged = configuration.merged_for(SCHEDULER, packages, {}).as_env()
    return {name: value for name, value in merged.items() if name not in _OF_THE_PLACE}
