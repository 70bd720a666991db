"""Everything that `mwaa-local check` looks at, in parallel: what is uploaded to MWAA, part by part.

Each part reports what its own command reports; here they are combined, and nothing is reported twice. A part that
cannot be checked is reported as that, and the others go on.

Not for any check itself, nor for how parts look on screen (`report.parts`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from mwaa_local.check.at_once import Action, AtOnce
from mwaa_local.check.context import CheckContext
from mwaa_local.check.dags.check import DagsCheck
from mwaa_local.check.dags.worker_files import WORKER_COMPONENT, tells_components_apart
from mwaa_local.check.environment import (
    ignored_findings,
    odd_findings,
    option_lines,
    path_of,
    refused_findings,
    script_text,
)
from mwaa_local.check.failures.refused_options import RefusedOption
from mwaa_local.check.folded import folded
from mwaa_local.check.known_options import known_options
from mwaa_local.check.named_places import named_elsewhere
from mwaa_local.check.option_values import is_plain
from mwaa_local.check.options import OptionsCase, options_findings
from mwaa_local.check.other_tools import requirements_elsewhere, variables_of_other_tools
from mwaa_local.check.part import Part
from mwaa_local.check.plugins.check import check_plugins
from mwaa_local.check.plugins.ignoring import SYNTAX_OPTION
from mwaa_local.check.plugins.loading import PluginsLoad
from mwaa_local.check.python import python_findings
from mwaa_local.check.release_signs import assumption, release_assumed, without_release_advice
from mwaa_local.check.report.text import summary
from mwaa_local.check.requirements.check import RequirementsCheck
from mwaa_local.check.requirements.pip_plan import Pips
from mwaa_local.check.requirements.resolution import other_findings, resolution_findings
from mwaa_local.check.requirements.startup_run import declared_variables, script_of_trials
from mwaa_local.check.requirements.verdict import Checked
from mwaa_local.check.settings import load_fixtures, load_settings
from mwaa_local.check.startup import startup_findings, unused_script_findings
from mwaa_local.configuration.local_values import PREVIEW
from mwaa_local.configuration.option_names import translate
from mwaa_local.environment.kinds import AwsMode
from mwaa_local.errors import EnvironmentFileInvalid, ReleaseUnknown
from mwaa_local.finding import Finding, counted, has_error, in_order
from mwaa_local.plan import MWAA_COMPONENTS
from mwaa_local.release import Release
from mwaa_local.seeding.airflow_settings import SETTINGS_FILE, settings_path
from mwaa_local.seeding.aws_fixtures import FOLDER, fixtures_dir
from mwaa_local.startup.not_run import not_run
from mwaa_local.startup.state import ContainerState
from mwaa_local.startup.trial import Trials, running_trials
from mwaa_local.steps import Steps
from mwaa_local.workspace import Workspace

ENVIRONMENT, OPTIONS, REQUIREMENTS = "environment file", "options", "requirements"
PLUGINS, STARTUP_SCRIPT, SETTINGS, DAGS = "plugins", "startup script", "settings", "dags"
SCHEDULER = "scheduler"
NOT_STARTED = "Airflow does not start with this {option}: see options"
CRASH = "dag-import-crash"
# Options with which Airflow has DAGs beside those of the project's folder.
DAGS_FROM_ELSEWHERE = frozenset({"core.load_examples", "dag_processor.dag_bundle_config_list"})


@dataclass(frozen=True)
class ProjectCheck:
    """Checks a project. `on_part` is told of each part as soon as it is done."""

    workspace: Workspace
    steps: Steps
    on_part: Callable[[Part], None]
    strict: bool = False
    ended: Event = field(default_factory=Event)  # by an interrupt: what is cut short has no outcome

    def run(self) -> tuple[Part, ...]:
        """Return the parts, in the order in which MWAA reads them.

        Raises PackagesUnavailable and PythonUnavailable where the release's own packages cannot be had.
        """
        began = time.monotonic()
        try:
            environment = self.workspace.environment()
            release = self.workspace.release(environment)
        except (EnvironmentFileInvalid, ReleaseUnknown) as error:
            part = Part(ENVIRONMENT, refused_findings(self.workspace.project, error), time.monotonic() - began)
            self.on_part(part)
            return (part, *(Part(name, skipped="the environment file comes first") for name in _others()))
        context = self.workspace.check_context(environment, release, self.steps)
        with startup_trials(context, MWAA_COMPONENTS) as trials:  # first, for it forks
            return self._parts(context, trials)

    def _parts(self, context: CheckContext, trials: Trials) -> tuple[Part, ...]:
        work: dict[str, Action] = {
            ENVIRONMENT: lambda: environment_part(context),
            OPTIONS: lambda: options_part(context),
            REQUIREMENTS: lambda: requirements_part(context, trials),
            PLUGINS: lambda: plugins_part(context, trials),
            STARTUP_SCRIPT: lambda: startup_part(context, trials),
            SETTINGS: lambda: settings_part(context),
            DAGS: lambda: dags_part(context, trials, self.steps.until(self.ended), strict=self.strict),
        }
        at_once = AtOnce(self.on_part, self.ended)
        with at_once.threads(len(work)) as pool:
            futures = [pool.submit(at_once.done, name, action) for name, action in work.items()]
            return folded([future.result() for future in futures])


def _others() -> tuple[str, ...]:
    return OPTIONS, REQUIREMENTS, PLUGINS, STARTUP_SCRIPT, SETTINGS, DAGS


@contextmanager
def startup_trials(context: CheckContext, components: Sequence[str]) -> Iterator[Trials]:
    """Run the startup script in the background and yield its trials; none if MWAA would not run it."""
    if not context.release.startup_script or not context.project.startup_script_path.is_file():
        yield Trials({})
        return
    with running_trials(context, components) as trials:
        yield trials


def dags_check(context: CheckContext, trials: Trials, steps: Steps, *, strict: bool) -> DagsCheck:
    """Return the check of the DAGs, which waits for what the startup script sets in the scheduler.

    If `airflow_settings.yaml` cannot be used, DAGs get placeholders for what it may hold.
    """
    settings, _ = load_settings(context.project)
    jobs = os.cpu_count() or 1
    worker_home = lambda: state_of(trials, WORKER_COMPONENT).home_dir  # noqa: E731
    state = state_of(trials, SCHEDULER)
    return DagsCheck(context, steps, state, settings.known(), jobs, strict, worker_home=worker_home)


def dags_part(context: CheckContext, trials: Trials, steps: Steps, *, strict: bool) -> Part:
    """Return what is wrong with the DAGs; it waits for the startup script."""
    if not context.project.dags_dir.is_dir():
        return Part(DAGS, skipped="there is no dags folder", has_all_dags=True)
    checked = dags_check(context, trials, steps, strict=strict).run()
    if option := option_of_options_part(context, checked.imported.refused_option):
        return part_without_start(DAGS, [item for item in checked.findings if item.rule != CRASH], option)
    files, dags = len(checked.imported.files), sum(len(file.dags) for file in checked.imported.files)
    summary = f"{counted(dags, 'DAG')} in {counted(files, 'file')}"
    is_all = checked.imported.has_all_dags and not has_dags_from_elsewhere(
        context.environment.airflow_configuration_options, context.release
    )
    return Part(DAGS, checked.findings, summary=summary, dag_ids=checked.imported.dag_ids, has_all_dags=is_all)


def has_dags_from_elsewhere(options: Iterable[str], release: Release) -> bool:
    """Whether an option gives Airflow other DAGs; one that the release forces has no effect."""
    return bool(DAGS_FROM_ELSEWHERE & {name.lower() for name in options} - release.forced_options.keys())


def state_of(trials: Trials, component: str) -> ContainerState:
    """Wait for a component's startup script; return what Airflow then finds, which is nothing if there is none."""
    return trials.of(component).state if component in trials.components else ContainerState()


def components_for_dags(context: CheckContext) -> tuple[str, ...]:
    """Return where the startup script is to be run for importing DAGs: the worker only if it may differ there."""
    apart = tells_components_apart(context.project.startup_script_path)
    return (SCHEDULER, WORKER_COMPONENT) if apart else (SCHEDULER,)


def environment_part(context: CheckContext) -> Part:
    """Return the findings on a valid environment file, and on the Python that replaces MWAA's, if one does."""
    project, environment = context.project, context.environment
    assumed = release_assumed(project, environment)
    found = [*named_elsewhere(project), *([assumed] if assumed else []), *python_findings(project, context.base)]
    found += variables_of_other_tools(project, environment)
    if not project.environment_path.is_file():
        why = assumption(project)
        return Part(ENVIRONMENT, in_order(found), summary=why) if found else Part(ENVIRONMENT, skipped=why)
    named = f"Airflow {context.release.airflow_version}" if environment.names_release else assumption(project)
    found += [*ignored_findings(project, environment), *odd_findings(project)]
    summary = f"{named}, {environment.environment_class}"
    return Part(ENVIRONMENT, in_order(found), summary=summary)


def options_part(context: CheckContext) -> Part:
    """Return the findings on the Airflow configuration options."""
    options = context.environment.airflow_configuration_options
    if not options:
        return Part(OPTIONS, skipped="none are set")
    home_dir = str(context.project.airflow_home_dir)
    configuration = context.configuration(PREVIEW, home_dir)
    known = known_options(context.base, configuration.container(context.base, "scheduler"), context.cache_dir)
    merged = configuration.merged_for("scheduler", context.base, {})
    place = (path_of(context.project), options, context.release, known, merged, option_lines(context.project))
    case = OptionsCase(*place, context.environment.environment_class_facts, script_text(context.project))
    return Part(OPTIONS, options_findings(case), summary=f"{len(options)} set")


def option_of_options_part(context: CheckContext, refused: RefusedOption | None) -> str:
    """Return the option that keeps Airflow from starting, where the options' own part reports it; else ""."""
    if refused is None:
        return ""
    given = {name.lower(): value for name, value in context.environment.airflow_configuration_options.items()}
    return refused.name if is_plain(given.get(refused.name, "")) else ""


def part_without_start(name: str, findings: Sequence[Finding], option: str) -> Part:
    """Return a part with what was found without Airflow, which does not start with that option."""
    why = NOT_STARTED.format(option=option)
    return Part(name, tuple(findings), summary=why) if findings else Part(name, skipped=why)


def requirements_part(context: CheckContext, trials: Trials) -> Part:
    """Return whether the requirements file works, without what is about DAGs; it may wait for the startup script."""
    if not context.project.requirements_path.is_file():
        why, elsewhere = "there is no requirements file", requirements_elsewhere(context.project)
        return Part(REQUIREMENTS, elsewhere, summary=why) if elsewhere else Part(REQUIREMENTS, skipped=why)
    checked = checked_requirements(context, trials)
    findings = in_order([*resolution_findings(checked), *other_findings(checked)])
    kept = without_release_advice(findings, release_assumed(context.project, context.environment))
    return Part(REQUIREMENTS, kept, summary=summary(checked))


def checked_requirements(context: CheckContext, trials: Trials) -> Checked:
    """Return the outcome of checking the requirements file, which must be there."""
    project, environment = context.project, context.environment
    variables = translate(environment.airflow_configuration_options)
    pips = Pips(context.cache_dir, context.env)
    script = script_of_trials(project, trials)
    declared = declared_variables(project, environment, context.release, context.env)
    place = (project, project.requirements_path, context.env, variables, environment.has_private_webserver)
    return RequirementsCheck(*place, pips=pips, script=script, declared=declared).check(context.release)


def plugins_part(context: CheckContext, trials: Trials) -> Part:
    """Return what is wrong with the plugins; they are loaded only if reading them finds no error."""
    path = context.project.plugins_dir
    if not path.is_dir():
        return Part(PLUGINS, skipped="there is no plugins folder")
    shown = Path(path.relative_to(context.project.root_dir))
    options = context.environment.airflow_configuration_options
    findings = tuple(
        replace(item, path=_below_root(item.path, path, shown))
        for item in check_plugins(path, context.release, options.get(SYNTAX_OPTION, ""))
    )
    if has_error(findings) or not any(path.rglob("*.py")):
        return Part(PLUGINS, findings, summary="not loaded" if has_error(findings) else "none")
    loaded = replace(plugins_load(context, path, trials), shown=shown.as_posix()).run()
    if option := option_of_options_part(context, loaded.refused_option):
        return part_without_start(PLUGINS, findings, option)
    names = ", ".join(plugin.name for plugin in loaded.registered) or "none"
    return Part(PLUGINS, in_order([*findings, *loaded.findings]), summary=f"registered: {names}")


def plugins_load(context: CheckContext, path: Path, trials: Trials) -> PluginsLoad:
    """Return the loading of the plugins, which waits for the scheduler's startup script."""
    settings, _ = load_settings(context.project)
    return PluginsLoad(context, path, state_of(trials, SCHEDULER), settings.known())


def _below_root(place: str, folder: Path, shown: Path) -> str:
    return f"{shown.as_posix()}{place.removeprefix(folder.as_posix())}" if place.startswith(str(folder)) else place


def startup_part(context: CheckContext, trials: Trials) -> Part:
    """Return what became of the startup script in each component."""
    if why := not_run(context.release):
        found = unused_script_findings(context.project, context.release)
        return Part(STARTUP_SCRIPT, found, summary=why) if found else Part(STARTUP_SCRIPT, skipped=why)
    done = trials.all()
    if not done:
        return Part(STARTUP_SCRIPT, skipped="there is no startup script")
    kept = sorted({name for trial in done for name in trial.kept})
    empty = {name for name in kept if not any(trial.exported.get(name) for trial in done)}
    shown = [f"{name} (empty here)" if name in empty else name for name in kept]
    summary = f"sets {', '.join(shown)}" if kept else "sets no variable"
    return Part(STARTUP_SCRIPT, startup_findings(context.project, done), summary=summary)


def settings_part(context: CheckContext) -> Part:
    """Return the findings on the files that seed an environment on this machine."""
    with_fixtures = context.environment.local.aws is AwsMode.LOCAL
    path = settings_path(context.project)
    is_there = path.exists() or path.is_symlink()
    if not is_there and not (with_fixtures and fixtures_dir(context.project).is_dir()):
        return Part(SETTINGS, skipped=f"there is no {SETTINGS_FILE}{f' and no {FOLDER}/' if with_fixtures else ''}")
    settings, findings = load_settings(context.project)
    summary = settings.counts
    if with_fixtures:
        fixtures, found = load_fixtures(context.project)
        findings, summary = (*findings, *found), ", ".join(filter(None, (summary, fixtures.counts)))
    return Part(SETTINGS, in_order(findings), summary=summary)


def all_findings(parts: Sequence[Part]) -> tuple[Finding, ...]:
    """Return the findings of all parts, by file and line."""
    return in_order(finding for part in parts for finding in part.findings)
