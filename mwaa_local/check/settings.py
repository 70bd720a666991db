"""What is wrong with the files that seed an environment on this machine, as findings. MWAA never sees these files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mwaa_local.errors import SeedProblem, SettingsFileInvalid
from mwaa_local.finding import ERROR, WARNING, Finding, in_order
from mwaa_local.project import Project
from mwaa_local.seeding.airflow_settings import AirflowSettings
from mwaa_local.seeding.aws_fixtures import Fixtures

INVALID, ODD = "settings-invalid", "settings-odd"
RULES = {
    INVALID: "a file that seeds the local environment has a mistake that keeps the environment from starting",
    ODD: "an entry of such a file probably does not do what you meant",
}
NOTHING_STARTS = "MWAA never sees this file. Here, it keeps `mwaa-local up` and `smoke` from starting."


def load_settings(project: Project) -> tuple[AirflowSettings, tuple[Finding, ...]]:
    """Return the content of `airflow_settings.yaml`, empty if it cannot be used, and the findings on it."""
    try:
        settings = AirflowSettings.load(project)
    except SettingsFileInvalid as error:
        return AirflowSettings(), _refused(project, error)
    return settings, _seed_findings(project, settings.oddities)


def load_fixtures(project: Project) -> tuple[Fixtures, tuple[Finding, ...]]:
    """Return the content of `tests/aws/`, empty if it cannot be used, and the findings on it."""
    try:
        fixtures = Fixtures.load(project)
    except SettingsFileInvalid as error:
        return Fixtures(), _refused(project, error)
    return fixtures, _seed_findings(project, fixtures.oddities)


def _refused(project: Project, error: SettingsFileInvalid) -> tuple[Finding, ...]:
    def findings() -> Iterator[Finding]:
        for problem in error.problems:
            why = f"{problem.why}\n{NOTHING_STARTS}".lstrip()
            yield Finding(INVALID, ERROR, _path(project, problem), problem.line, problem.what, why, problem.hint)

    return in_order(findings())


def _seed_findings(project: Project, oddities: Iterable[SeedProblem]) -> tuple[Finding, ...]:
    return in_order(
        Finding(ODD, WARNING, _path(project, item), item.line, item.what, item.why, item.hint) for item in oddities
    )


def _path(project: Project, problem: SeedProblem) -> str:
    return problem.path.relative_to(project.root_dir).as_posix()
