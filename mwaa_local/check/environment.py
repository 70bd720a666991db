"""Findings on `mwaa.yaml` itself: what MWAA would refuse, and what has no effect here."""

from __future__ import annotations

from collections.abc import Callable

from mwaa_local.check import members
from mwaa_local.environment.environment import Environment
from mwaa_local.environment.file import EnvironmentFile
from mwaa_local.environment.service_model import KeyPath
from mwaa_local.errors import EnvironmentFileInvalid, ReleaseUnknown
from mwaa_local.finding import ERROR, NOTE, Finding, in_order
from mwaa_local.project import Project

INVALID, IGNORED, RELEASE = "environment-invalid", "environment-member-ignored", "release-unknown"
RULES = {
    INVALID: "MWAA, or mwaa-local, would refuse the environment file",
    IGNORED: "the environment file has a member that has no effect on one machine",
    RELEASE: "MWAA never had that Airflow version",
    **members.RULES,
}
OPTIONS_MEMBER = "AirflowConfigurationOptions"
WRAPPER = "Environment"  # the whole answer of get-environment has the members under this name


def path_of(project: Project) -> str:
    """Return the environment file as users know it."""
    return project.environment_path.relative_to(project.root_dir).as_posix()


def refused_findings(project: Project, error: EnvironmentFileInvalid | ReleaseUnknown) -> tuple[Finding, ...]:
    """Return one finding for each problem that the error lists."""
    path = path_of(project)
    if isinstance(error, ReleaseUnknown):
        return (Finding(RELEASE, ERROR, path, 0, error.what, error.why, error.hint),)
    problems = error.problems or ((0, error.what, error.hint),)
    why = "" if error.problems else error.why
    refused = (Finding(INVALID, ERROR, path, line, what, why, fix) for line, what, fix in problems)
    return in_order([*refused, *odd_findings(project)])


def ignored_findings(project: Project, environment: Environment) -> tuple[Finding, ...]:
    """Return a note for each member that has no effect here."""
    line_of = _lines(project)
    why = "MWAA uses it; on one machine it changes nothing."
    names = (*environment.ignored_members, *environment.other_members)
    found = (
        Finding(IGNORED, NOTE, path_of(project), line_of((name,)), f"{name} has no effect here", why) for name in names
    )
    return in_order(found)


def odd_findings(project: Project) -> tuple[Finding, ...]:
    """Return the members that mean something here, and that MWAA or AWS's tools would not take as they are."""
    try:
        file = EnvironmentFile.read(project.environment_path)
    except EnvironmentFileInvalid:  # its own finding
        return ()
    return in_order(members.member_findings(path_of(project), file, _lines(project))) if file else ()


def option_lines(project: Project) -> Callable[[str], int]:
    """Return a function that tells on which line an Airflow configuration option stands; 0 where it is not there."""
    line_of = _lines(project)
    return lambda option: line_of((OPTIONS_MEMBER, option))


def script_text(project: Project) -> str:
    """Return the startup script's text, "" where there is none that can be read."""
    try:
        return project.startup_script_path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _lines(project: Project) -> members.LineOf:
    file = EnvironmentFile.read(project.environment_path)
    lines = dict(file.lines) if file else {}

    def line_of(path: KeyPath) -> int:
        return lines.get(path) or lines.get((WRAPPER, *path), 0)

    return line_of
