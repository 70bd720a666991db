"""What is wrong with the files that seed an environment on this machine, as findings. MWAA never sees these files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mwaa_local.airflow_settings import SETTINGS_FILE, AirflowSettings
from mwaa_local.aws_fixtures import FOLDER, Fixtures
from mwaa_local.check.finding import ERROR, WARNING, Finding, in_order
from mwaa_local.errors import SettingsFileInvalid
from mwaa_local.project import Project
from mwaa_local.remarks import Remark

INVALID, ODD = "settings-invalid", "settings-odd"
RULES = {
    INVALID: "a file that seeds an environment on this machine has a mistake, with which nothing starts here",
    ODD: "an entry of such a file probably does something else than its author meant",
}
NOTHING_STARTS = "MWAA never sees this file; here, neither `mwaa-local up` nor `smoke` starts with it."
_PLACE = re.compile(r"(?P<name>[^\s:]+):(?P<line>\d+): ")  # what a remark on a line of a file begins with


def load_settings(project: Project) -> tuple[AirflowSettings, tuple[Finding, ...]]:
    """Return what `airflow_settings.yaml` holds, nothing where it cannot be used, and what is to be said of it."""
    try:
        settings = AirflowSettings.load(project)
    except SettingsFileInvalid as error:
        return AirflowSettings(), _refused(project, error)
    return settings, in_order(_odd(remark, SETTINGS_FILE) for remark in settings.remarks)


def load_fixtures(project: Project) -> tuple[Fixtures, tuple[Finding, ...]]:
    """Return what `tests/aws/` holds, nothing where it cannot be used, and what is to be said of it."""
    try:
        fixtures = Fixtures.load(project)
    except SettingsFileInvalid as error:
        return Fixtures(), _refused(project, error)
    return fixtures, in_order(_odd(remark, FOLDER) for remark in fixtures.remarks)


def _refused(project: Project, error: SettingsFileInvalid) -> tuple[Finding, ...]:
    def findings() -> Iterator[Finding]:
        for problem in error.problems:
            path = problem.path.relative_to(project.root_dir).as_posix()
            why = f"{problem.why}\n{NOTHING_STARTS}".lstrip()
            yield Finding(INVALID, ERROR, path, problem.line, problem.what, why, problem.hint)

    return in_order(findings())


def _odd(remark: Remark, subject: str) -> Finding:
    """Return a remark as a finding; one on a line names the file, and its folder is the subject's."""
    place = _PLACE.match(remark.what)
    if place is None:
        return Finding(ODD, WARNING, subject, 0, remark.what, remark.why, remark.hint)
    path = subject if Path(subject).name == place["name"] else f"{subject}/{place['name']}"
    return Finding(ODD, WARNING, path, int(place["line"]), remark.what[place.end() :], remark.why, remark.hint)
