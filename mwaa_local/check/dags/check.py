"""`check dags`: import every DAG file as MWAA's dag-processor would, and read them all for MWAA's pitfalls.

It only combines the parts: the packages that DAGs run with (`packages`), the import trial (`importing`), the rules on
their source (`rules`), ruff's rules on Airflow (`air`), and the modules of providers.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.check.context import CheckContext
from mwaa_local.check.dags.air import air_findings, air_names
from mwaa_local.check.dags.air_of_failures import advice_on_failures
from mwaa_local.check.dags.duplicates import deduplicate
from mwaa_local.check.dags.environment_facts import EnvironmentFacts
from mwaa_local.check.dags.import_findings import import_findings
from mwaa_local.check.dags.import_results import ImportedDags
from mwaa_local.check.dags.importing import DagsImport, OnFile
from mwaa_local.check.dags.option_variables import MISSING_OPTION, VARIABLE, OptionVariables
from mwaa_local.check.dags.packages import DagPackages, DagPackagesMaker
from mwaa_local.check.dags.project_findings import project_findings
from mwaa_local.check.dags.rules import RULES
from mwaa_local.check.dags.source import Source
from mwaa_local.check.dags.worker_files import with_worker_files
from mwaa_local.check.failures.hints import ProjectFacts
from mwaa_local.check.failures.startup_files import startup_files
from mwaa_local.check.modules.hints import ModuleHints
from mwaa_local.check.modules.requirements import Requirements
from mwaa_local.check.requirements.check import RequirementsCheck
from mwaa_local.check.requirements.pip_plan import Pips
from mwaa_local.check.requirements.provider_modules import PROVIDER_MISSING, PROVIDER_MODULE_MISSING
from mwaa_local.check.requirements.startup_exports import Exported
from mwaa_local.check.requirements.startup_run import script_of
from mwaa_local.command import interrupting
from mwaa_local.configuration.option_names import translate
from mwaa_local.finding import ERROR, Finding, in_order
from mwaa_local.sandbox import trial_env
from mwaa_local.scratch import scratch_folder
from mwaa_local.seeding.airflow_settings import KnownValues
from mwaa_local.startup.state import ContainerState
from mwaa_local.steps import Steps

IMPORT_ERROR = "dag-import-error"
OF_PROVIDERS = frozenset({PROVIDER_MODULE_MISSING, PROVIDER_MISSING})
# `# mwaa-local: ignore[rule, other-rule]` at the end of a line; without brackets, every rule.
_IGNORE = re.compile(r"#\s*mwaa-local:\s*ignore(?:\[([\w\s,-]*)\])?")


@dataclass(frozen=True)
class CheckedDags:
    """What was imported, and all findings on it."""

    imported: ImportedDags
    findings: tuple[Finding, ...]
    airflow_version: str  # of the release for which they are


@dataclass(frozen=True)
class DagsCheck:
    """Checks the DAGs of one project for one release.

    `state` is what the startup script left in the scheduler; `known` are Variables and Connections that exist.
    """

    context: CheckContext
    steps: Steps
    state: ContainerState
    known: KnownValues
    jobs: int
    strict: bool = False
    worker_home: Callable[[], Path | None] = lambda: None  # waits for what the startup script left in the worker

    def run(self) -> CheckedDags:
        """Return what was found, by file and line."""
        reading = ThreadPoolExecutor(1)  # files are read while others are imported
        read: list[Future[list[Finding]]] = []
        try:
            with ThreadPoolExecutor(1) as beside, interrupting():
                providers = beside.submit(self._provider_findings)
                imported, findings = self._imported(lambda file: read.append(reading.submit(self._of_rules, file.path)))
                of_rules = [finding for future in read for finding in future.result()]
                of_project = project_findings(self.context, imported, self.known, self._variables)
                found = [*findings, *of_rules, *of_project, *self._air_findings(imported), *providers.result()]
        finally:
            reading.shutdown(wait=False, cancel_futures=True)
        kept = in_order(deduplicate(list(self._kept(found)), self._line))
        return CheckedDags(imported, kept, self.context.release.airflow_version)

    def _imported(self, on_file: OnFile) -> tuple[ImportedDags, list[Finding]]:
        context = self.context
        made = DagPackagesMaker(context, self.state, self.steps).make()
        trial = DagsImport(
            context,
            made.packages,
            self.jobs,
            self.known,
            self.state,
            names=air_names(self._python_files(), context.project.root_dir, context.release, context.env),
        )
        imported = trial.run(on_file)
        facts = self._facts(made)
        found = import_findings(imported, context.release, strict=self.strict, facts=facts)
        return imported, [*made.findings, *with_worker_files(found, self.state.home_dir, self.worker_home)]

    def _facts(self, made: DagPackages) -> ProjectFacts:
        context = self.context
        root_dir, release = context.project.root_dir, context.release
        outcome = {"failed": made.failed, "failed_here": made.failed_here}
        requirements = Requirements.of(context.project, self._option_variables, **outcome)
        hints, aws = ModuleHints(root_dir, release, requirements), context.environment.local.aws
        return ProjectFacts(hints, self._options, aws, startup_files(context.project, self.state))

    @functools.cached_property
    def _options(self) -> OptionVariables:
        """Which variables are set, those that the startup script sets in other components among them."""
        project = self.context.project
        script = "\n".join(_lines(project.startup_script_path))
        names = frozenset({*self._variables, *(match[0] for match in VARIABLE.finditer(script))})
        return OptionVariables(project.root_dir, self.context.release, names)

    @functools.cached_property
    def _variables(self) -> Mapping[str, str]:
        """The variables of a scheduler of the environment; they hold secrets."""
        return trial_env(self.context, self.context.base, self.context.project.airflow_home_dir, self.state.exports)

    @property
    def _option_variables(self) -> dict[str, str]:
        return translate(self.context.environment.airflow_configuration_options)

    def _air_findings(self, imported: ImportedDags) -> list[Finding]:
        root_dir = self.context.project.root_dir
        paths = [root_dir / file.path for file in imported.files if file.path.endswith(".py")]
        release, env = self.context.release, self.context.env
        advice = advice_on_failures(imported, root_dir, release, env)
        return [*air_findings(paths, root_dir, release, env, imported.names), *advice]

    def _python_files(self) -> list[Path]:
        """Return all that Airflow may read: which of them it does, only it knows."""
        return [path for path in self.context.project.dags_dir.rglob("*.py") if path.is_file()]

    def _of_rules(self, path: str) -> list[Finding]:
        """Return what the rules find in a file, which is given below the project's folder; nothing in a zip."""
        context = self.context
        if not path.endswith(".py"):
            return []
        environment = EnvironmentFacts.of(context.environment.environment_class, self._variables)
        source = Source.read(context.project.root_dir / path, path, context.release, environment)
        if source is None:
            return []
        return [*(item for rule in RULES for item in rule.find(source)), *self._options.findings(source)]

    def _line(self, path: str, number: int) -> str:
        lines = _lines(self.context.project.root_dir / path)
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def _provider_findings(self) -> list[Finding]:
        """Return what DAGs and plugins import of providers that have no such module."""
        context, path = self.context, self.context.project.requirements_path
        with scratch_folder("mwaa-local-check-") as folder:
            if not path.is_file():
                path = folder / "requirements.txt"
                path.touch()
            variables, cache_dir, pips = self._option_variables, context.cache_dir, Pips(context.cache_dir, context.env)
            place = (context.project, path, context.env, variables)
            script = script_of(context.project, lambda: Exported(self.state.exports, self.state.home_dir))
            check = RequirementsCheck(*place, cache_dir=cache_dir, pips=pips, script=script)
            return [finding for finding in check.check(context.release).findings if finding.rule in OF_PROVIDERS]

    def _kept(self, findings: Sequence[Finding]) -> Iterable[Finding]:
        """Yield the findings without those that the source itself waves aside, and what another one tells better."""
        lines: dict[str, list[str]] = {}
        for item in told_best(findings):
            if item.path not in lines:
                lines[item.path] = _lines(self.context.project.root_dir / item.path)
            if not _is_ignored(item, lines[item.path]):
                yield item


def told_best(findings: Sequence[Finding]) -> Iterable[Finding]:
    """Yield the findings without those that another one of the same line tells better, and not more mildly."""
    better = {(item.path, item.line) for item in findings if item.rule in OF_PROVIDERS and item.severity == ERROR}
    failed = {(item.path, item.line) for item in findings if item.rule == IMPORT_ERROR}
    for item in findings:
        place = (item.path, item.line)
        is_of_import = item.rule == MISSING_OPTION or (item.rule in OF_PROVIDERS and item.severity != ERROR)
        if not (item.rule == IMPORT_ERROR and place in better) and not (is_of_import and place in failed):
            yield item


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # in a zip, or of no file
        return []


def _is_ignored(finding: Finding, lines: Sequence[str]) -> bool:
    if not 0 < finding.line <= len(lines):
        return False
    match = _IGNORE.search(lines[finding.line - 1])
    return match is not None and (match[1] is None or finding.rule in re.split(r"[\s,]+", match[1]))
