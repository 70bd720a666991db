"""Findings from trying the startup script: why MWAA would not start, and what has no effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mwaa_local.finding import ERROR, NOTE, WARNING, Finding, in_order
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.startup.not_run import script_remarks
from mwaa_local.startup.script_run import SYNTAX_HINT
from mwaa_local.startup.trial import Trial

FAILS, REFUSED, ODD = "startup-script-fails", "startup-variable-refused", "startup-script-odd"
SYNTAX = "startup-script-syntax"
FAILED_COMMAND, REACHES_PIP = "startup-command-failed", "startup-variable-reaches-pip"
RULES = {
    FAILS: "MWAA's containers would not start with this startup script; a warning if they may have what failed",
    SYNTAX: "bash cannot read the startup script to its end, so the rest does not run",
    REFUSED: "MWAA undoes what the startup script exports under this name",
    FAILED_COMMAND: "a command in the startup script failed, and the script went on; a note if only MWAA can tell",
    REACHES_PIP: "the startup script exports a variable that breaks virtual environments of tasks",
    ODD: "the startup script probably does not do what you meant",
}


def startup_findings(project: Project, trials: Sequence[Trial]) -> tuple[Finding, ...]:
    """Return each finding once, with the components it concerns unless it is all of them."""
    path = project.startup_script_path.relative_to(project.root_dir).as_posix()
    where: dict[Finding, list[str]] = {}
    for trial in trials:
        for finding in _of_trial(path, trial):
            where.setdefault(finding, []).append(trial.component)
    told = (_with_components(finding, names, len(trials)) for finding, names in where.items())
    return in_order([*_failures(path, trials), *told])


def unused_script_findings(project: Project, release: Release) -> tuple[Finding, ...]:
    """Return that the script is not run; nothing where there is none, or MWAA runs it with the release."""
    path = project.startup_script_path.relative_to(project.root_dir).as_posix()
    remarks = script_remarks(project, release)
    return tuple(Finding(ODD, WARNING, path, 0, item.what, item.why, item.hint) for item in remarks)


def _failures(path: str, trials: Sequence[Trial]) -> Iterator[Finding]:
    """Yield one finding for each line that failed: the others say the same of other components."""
    by_cause: dict[tuple[int, str], list[Trial]] = {}
    for trial in trials:
        if trial.failure is not None:
            by_cause.setdefault((trial.line, trial.failure.hint), []).append(trial)
    for (line, hint), group in by_cause.items():
        components = "MWAA's containers" if len(group) == len(trials) else f"MWAA's {_names(group)}"
        failure = group[0].failure
        assert failure is not None
        if failure.is_of_machine:
            what = f"{components} would not start with it if this line fails there as it does here"
            yield Finding(FAILS, WARNING, path, line, what, failure.why, hint)
        else:
            yield Finding(FAILS, ERROR, path, line, f"{components} would not start with it", failure.why, hint)


def _names(group: Sequence[Trial]) -> str:
    return ", ".join(trial.component for trial in group)


def _of_trial(path: str, trial: Trial) -> Iterator[Finding]:
    for item in trial.refused:
        yield Finding(REFUSED, WARNING, path, 0, f"{item.name} keeps MWAA's value", item.reason)
    if problem := trial.syntax_problem:
        yield Finding(SYNTAX, ERROR, path, problem.line, problem.what, problem.why, SYNTAX_HINT)
    for failed in trial.failed_commands:
        severity = NOTE if failed.is_of_machine else WARNING
        yield Finding(FAILED_COMMAND, severity, path, failed.line, failed.what, failed.why, failed.hint)
    for variable in trial.pip_variables:
        yield Finding(REACHES_PIP, WARNING, path, variable.line, variable.what, variable.why, variable.hint)
    for name, note in trial.absent_programs.items():
        line = next((item.line for item in trial.unavailable_commands if name in item.programs), 0)
        yield Finding(FAILED_COMMAND, NOTE, path, line, note)
    for note in trial.notes:
        yield Finding(ODD, WARNING, path, 0, note)


def _with_components(finding: Finding, names: Sequence[str], of_all: int) -> Finding:
    return finding if len(names) == of_all else replace(finding, what=f"{finding.what} ({', '.join(names)})")
