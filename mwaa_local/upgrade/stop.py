"""One release of a rehearsal: every part of the project under that release's packages, in a copy of the project.

Not for what of it is new: `rehearsal` compares it with today's release.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from mwaa_local.check import project as check
from mwaa_local.check.at_once import Action, AtOnce
from mwaa_local.check.context import CheckContext
from mwaa_local.check.environment import refused_findings
from mwaa_local.check.folded import folded
from mwaa_local.check.known_options import KnownOptions, known_options
from mwaa_local.check.part import Part
from mwaa_local.configuration.local_values import PREVIEW
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import EnvironmentFileInvalid
from mwaa_local.plan import MWAA_COMPONENTS
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.startup.trial import Trials
from mwaa_local.steps import Steps
from mwaa_local.upgrade.copies import project_copy, told_of
from mwaa_local.upgrade.requirements import RequirementsOfMove, RequirementsRehearsal
from mwaa_local.upgrade.version_line import with_version
from mwaa_local.workspace import Workspace

PARTS = (check.ENVIRONMENT, check.OPTIONS, check.REQUIREMENTS, check.PLUGINS, check.STARTUP_SCRIPT, check.DAGS)


@dataclass(frozen=True)
class Seen:
    """How a project fares with a release: its parts by name, and the options that the release has.

    `texts` are those that requirements files would have then, by their paths below the project's folder; `installed`
    are the packages that they bring; None: that is not known.
    """

    parts: Mapping[str, Part]
    known: KnownOptions
    texts: Mapping[str, str] = field(default_factory=dict)
    installed: frozenset[str] | None = None


@dataclass(frozen=True)
class Stop:
    """A release at which the project is looked at; `is_today`: as it is, for comparison."""

    workspace: Workspace
    environment: Environment
    release: Release
    steps: Steps
    on_part: Callable[[Part], None]
    ended: Event
    is_today: bool = False

    def run(self, names: Sequence[str]) -> Seen:
        """Return the named parts, what becomes of the requirements file, and which options the release has.

        Raises PackagesUnavailable and PythonUnavailable where the release's packages cannot be had.
        """
        project = self.workspace.project
        base = self.steps.do("packages", lambda say: self.workspace.packages().base(self.release, say))
        texts = {} if self.is_today else self._environment_text()
        with project_copy(project, texts) as copy:
            refused, environment = self._environment(copy)
            place = (copy, environment, self.release, self.workspace.env, self.workspace.cache_dir, base)
            context = CheckContext(*place)
            with _trials(context, names) as trials:  # first, for it forks
                return self._parts(context, trials, names, refused)

    def _environment_text(self) -> dict[Path, str]:
        """Return the file with the release's version; nothing where that cannot be written into its text."""
        path = self.workspace.project.environment_path
        with contextlib.suppress(EnvironmentFileInvalid, OSError):
            content = path.read_bytes() if path.exists() else None
            return {path: with_version(content, self.release.airflow_version).decode("utf-8")}
        return {}

    def _environment(self, copy: Project) -> tuple[Part | None, Environment]:
        """Return the environment with that release; and a part that says why MWAA would refuse it, where it would."""
        try:
            environment = Environment.load(copy)
            if environment.airflow_version == self.release.airflow_version:
                return None, environment
            part = None  # the version could not be written into the text
        except EnvironmentFileInvalid as error:
            part = Part(check.ENVIRONMENT, refused_findings(copy, error))
        return part, self.environment.model_copy(update={"airflow_version": self.release.airflow_version})

    def _parts(self, context: CheckContext, trials: Trials, names: Sequence[str], refused: Part | None) -> Seen:
        requirements = RequirementsRehearsal(context, trials, is_today=self.is_today)
        project = self.workspace.project
        at_once = AtOnce(self.on_part, self.ended, lambda finding: told_of(project, context.project, finding))
        with at_once.threads(len(names) + len(("requirements", "options"))) as pool:
            known = pool.submit(_known, context)
            wanted = requirements.settled if check.REQUIREMENTS in names else RequirementsOfMove
            settled = pool.submit(wanted)
            work = self._work(context, trials, settled, refused) | {check.OPTIONS: lambda: _options(context, known)}
            futures = [pool.submit(at_once.done, name, work[name]) for name in names]
            parts = folded([future.result() for future in futures])
            outcome = RequirementsOfMove() if settled.exception() else settled.result()
            return Seen({part.name: part for part in parts}, known.result(), outcome.texts, outcome.installed)

    def _work(
        self, context: CheckContext, trials: Trials, settled: Future[RequirementsOfMove], refused: Part | None
    ) -> dict[str, Action]:
        return {
            check.ENVIRONMENT: lambda: refused or check.environment_part(context),
            check.REQUIREMENTS: lambda: settled.result().part,
            check.PLUGINS: lambda: check.plugins_part(context, trials),
            check.STARTUP_SCRIPT: lambda: check.startup_part(context, trials),
            check.DAGS: lambda: self._dags(context, trials, settled),
        }

    def _dags(self, context: CheckContext, trials: Trials, settled: Future[RequirementsOfMove]) -> Part:
        """Return the DAGs with the requirements as they would be, so that what only follows from these is not told."""
        steps = self.steps.until(self.ended)
        files = {} if settled.exception() else settled.result().texts
        if not files:
            return check.dags_part(context, trials, steps, strict=False)
        texts = {context.project.root_dir / name: text for name, text in files.items()}
        with project_copy(context.project, texts) as copy:
            part = check.dags_part(replace(context, project=copy), trials, steps, strict=False)
            return replace(part, findings=tuple(told_of(context.project, copy, item) for item in part.findings))


def _options(context: CheckContext, known: Future[KnownOptions]) -> Part:
    known.result()  # which is kept then: Airflow is not asked twice at the same time
    return check.options_part(context)


def _known(context: CheckContext) -> KnownOptions:
    """Return the options of the release; a list that was asked once is kept for all projects."""
    configuration = context.configuration(PREVIEW, str(context.project.airflow_home_dir))
    return known_options(context.base, configuration.container(context.base, check.SCHEDULER), context.cache_dir)


@contextlib.contextmanager
def _trials(context: CheckContext, names: Sequence[str]) -> Iterator[Trials]:
    """Run the startup script as far as the parts ask for it: in each component only if it is one of them itself."""
    components: Sequence[str] = ()
    if check.STARTUP_SCRIPT in names:
        components = MWAA_COMPONENTS
    elif {check.REQUIREMENTS, check.PLUGINS, check.DAGS} & set(names):
        components = check.components_for_dags(context)
    with check.startup_trials(context, components) as trials:
        yield trials


def text_of(path: Path) -> str:
    """Return a file's text, "" where there is none that can be read."""
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
