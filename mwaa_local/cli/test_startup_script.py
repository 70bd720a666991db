"""`mwaa-local test-startup-script`: what MWAA would make of the startup script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mwaa_local.cli.parameters import JsonOption, ProjectOption
from mwaa_local.cli.session import Session, open_session
from mwaa_local.console import Console, table
from mwaa_local.errors import StartupScriptFailed
from mwaa_local.release import Release
from mwaa_local.remarks import ERROR, WARNING, Remark
from mwaa_local.startup.script_run import STARTUP_SCRIPT_TIMEOUT_S, SYNTAX_HINT

if TYPE_CHECKING:
    from mwaa_local.startup.trial import Trial

FAILED_EXIT_CODE = 1
HEADERS = ("component", "on MWAA", "exit code", "took", "failed line", "kept", "refused", "lost")
NOTHING = "-"


def test_startup_script(
    as_json: JsonOption = False,
    project_dir: ProjectOption = Path(),
) -> None:
    """Run the startup script as each MWAA component would, and show which variables reach Airflow.

    It does not touch a running environment: every component gets a temporary Airflow home and copy of the release's
    packages. The script can change the project's folders, and Airflow commands in it have no database. The exit code is
    1 if MWAA's containers would not start, or if bash cannot read the script to its end.

    Examples:

      mwaa-local test-startup-script

      mwaa-local test-startup-script --json
    """
    session = open_session(project_dir)
    environment = session.environment()
    release = session.release(environment)
    if why := _why_nothing_runs(session, release):
        _show_nothing(session.console, release, why, as_json=as_json)
        return
    from mwaa_local.startup.trial import try_startup_script
    from mwaa_local.steps import Steps

    context = session.check_context(environment, release, Steps(session.console.show_event))
    base, trials = context.base, try_startup_script(context)
    if as_json:
        session.console.show_json({**_as_plain(session, release, trials), "python": base.note})
    else:
        if base.note:
            session.console.show_remark(Remark(WARNING, "python", base.note, "", base.hint))
        _show(session, release, trials)
    if any(trial.syntax_problem or not trial.starts for trial in trials):
        raise typer.Exit(FAILED_EXIT_CODE)


test_startup_script.__test__ = False  # type: ignore[attr-defined]  # pytest takes the name for one of its own


def _why_nothing_runs(session: Session, release: Release) -> str:
    """Return why MWAA would run no startup script; "" where it does."""
    from mwaa_local.startup.not_run import not_run

    if why := not_run(release):
        return why
    path = session.project.startup_script_path
    if not path.exists():
        return f"there is no {path.relative_to(session.project.root_dir)}, so MWAA would start without one"
    return ""


def _show_nothing(console: Console, release: Release, why: str, *, as_json: bool) -> None:
    if as_json:
        console.show_json({"airflow_version": release.airflow_version, "script": None, "why": why, "components": []})
    else:
        console.show(why)


def _show(session: Session, release: Release, trials: Sequence[Trial]) -> None:
    from mwaa_local.runtime.installed import command_remarks

    console = session.console
    console.show(table(HEADERS, [_as_row(trial) for trial in trials]))
    _show_names(console, "kept", trials, lambda trial: ", ".join(trial.kept))
    _show_names(console, "lost (not exported)", trials, lambda trial: ", ".join(trial.lost))
    for text in dict.fromkeys(f"{item.name}: {item.reason}" for trial in trials for item in trial.refused):
        console.show(f"refused: {text}")
    for remark in command_remarks(trials):
        console.show_remark(remark)
    for note in dict.fromkeys(note for trial in trials for note in (*trial.notes, *trial.absent_programs.values())):
        console.show_remark(Remark(WARNING, "startup script", note))
    problems = dict.fromkeys(trial.syntax_problem for trial in trials if trial.syntax_problem)
    for problem in problems:
        console.show_remark(
            Remark(ERROR, "startup script", f"{problem.place}: {problem.what}", problem.why, SYNTAX_HINT)
        )
    for trial in _first_of_each_failure(trials):
        if trial.failure:
            console.show_error(StartupScriptFailed(trial.failure.what, trial.failure.why, trial.failure.hint))
    name = session.project.startup_script_path.relative_to(session.project.root_dir)
    verdict = "would keep MWAA from starting"
    if all(trial.starts for trial in trials):
        is_clean = not any(trial.failed_commands or trial.pip_variables for trial in trials)
        verdict = "works" if is_clean else "has warnings, see above, but MWAA starts"
        verdict = "has a mistake, but MWAA starts anyway" if problems else verdict
    console.say(f"{name} {verdict} (Airflow {release.airflow_version}); its output is in {trials[0].log_path.parent}")


def _show_names(console: Console, title: str, trials: Sequence[Trial], names_of: Callable[[Trial], str]) -> None:
    """Print names once where they are the same in all components."""
    if len({names_of(trial) for trial in trials}) == 1:
        if names_of(trials[0]):
            console.show(f"{title}: {names_of(trials[0])}")
        return
    for trial in trials:
        console.show(f"{title} in the {trial.component}: {names_of(trial) or NOTHING}")


def _first_of_each_failure(trials: Iterable[Trial]) -> Iterable[Trial]:
    """Return one trial for each line that failed: the others say the same of other components."""
    return {(trial.line, trial.failure.hint): trial for trial in reversed(list(trials)) if trial.failure}.values()


def _as_row(trial: Trial) -> tuple[str, ...]:
    return (
        trial.component,
        "starts" if trial.starts else "fails",
        NOTHING if trial.exit_code is None else str(trial.exit_code),
        f"{trial.elapsed_s:.1f} s of {STARTUP_SCRIPT_TIMEOUT_S:g} s",
        str(trial.line or NOTHING),
        str(len(trial.kept)),
        str(len(trial.refused)),
        str(len(trial.lost)),
    )


def _as_plain(session: Session, release: Release, trials: Sequence[Trial]) -> dict[str, Any]:
    path = session.project.startup_script_path
    return {
        "airflow_version": release.airflow_version,
        "script": str(path.relative_to(session.project.root_dir)),
        "starts": all(trial.starts for trial in trials),
        "limit_s": STARTUP_SCRIPT_TIMEOUT_S,
        "windows_line_endings": b"\r\n" in path.read_bytes() if path.is_file() else False,
        "components": [_trial_json(trial) for trial in trials],
    }


def _trial_json(trial: Trial) -> dict[str, Any]:
    failure = trial.failure
    return {
        "component": trial.component,
        "starts": trial.starts,
        "exit_code": trial.exit_code,
        "elapsed_s": round(trial.elapsed_s, 3),
        "failed_line": trial.line or None,
        "kept": list(trial.kept),
        "refused": [{"name": item.name, "reason": item.reason} for item in trial.refused],
        "lost": list(trial.lost),
        "notes": [*trial.notes, *trial.absent_programs.values()],
        "failed_commands": [
            {"line": item.line, "command": item.text, "exit_code": item.exit_code} for item in trial.failed_commands
        ],
        "reach_pip": [{"name": item.name, "line": item.line} for item in trial.pip_variables],
        "syntax_error": {"line": trial.syntax_problem.line, "said": trial.syntax_problem.said}
        if trial.syntax_problem
        else None,
        "failure": {"what": failure.what, "why": failure.why, "hint": failure.hint} if failure else None,
        "log": str(trial.log_path),
    }
