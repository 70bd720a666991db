"""Where `mwaa-local smoke` tells what came out: screen, files, GitHub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from mwaa_local.check.report.formats import findings_text
from mwaa_local.cli.session import Session
from mwaa_local.console import Console
from mwaa_local.event import Event
from mwaa_local.remarks import NOTE
from mwaa_local.smoke import report as formats
from mwaa_local.smoke import report_ci
from mwaa_local.smoke.artifacts import JSON_NAME, JUNIT_NAME, TEXT_NAME, append, write
from mwaa_local.smoke.result import RunResult, SmokeReport


def say_run(console: Console, run: RunResult, *, whole: bool) -> None:
    """Say how a run ended, in one line where stdout will have the rest."""
    if whole and not run.is_ok:
        console.say(formats.run_text(run, console.colour))
        return
    said = run.problem.splitlines()[0] if run.problem else run.state
    console.show_event(Event("dag run", "done" if run.is_ok else "failed", run.elapsed_s, f"{run.dag_id}: {said}"))


def show(
    session: Session,
    report: SmokeReport,
    *,
    as_json: bool,
    junit: Path | None,
    artifacts: Path | None,
    github: bool | None,
) -> None:
    """Write the report to wherever it was asked for."""
    console = session.console
    plain = formats.as_json(report)
    for remark in report.remarks:
        if remark.severity != NOTE or console.verbose:
            console.show_remark(remark)
    if as_json:
        console.show_json(plain)
    else:
        if report.findings:
            console.show(findings_text(report.findings))
        console.show(formats.text(report, lambda words, code: console.colour(words, code, console.out)))
    files = {junit: JUNIT_NAME} if junit else {}
    if artifacts:
        files[artifacts / JUNIT_NAME] = JUNIT_NAME
        write(artifacts / JSON_NAME, json.dumps(plain, indent=2) + "\n")
        write(artifacts / TEXT_NAME, formats.text(report) + "\n")
    for path in files:
        write(path, report_ci.junit(report))
    if is_for_github(session.env, github):
        _tell_github(session, report)


def is_for_github(env: Mapping[str, str], asked: bool | None) -> bool:
    """Say whether GitHub is to be told, by default where it runs the command."""
    return env.get("GITHUB_ACTIONS") == "true" if asked is None else asked


def summary_path(env: Mapping[str, str], asked: bool | None) -> Path | None:
    """Return the file that GitHub reads the step summary from, where there is one to be written."""
    name = env.get("GITHUB_STEP_SUMMARY")
    return Path(name) if name and is_for_github(env, asked) else None


def _tell_github(session: Session, report: SmokeReport) -> None:
    """Say annotations, on stderr since stdout is the report's, and add to the step summary.

    Source: GitHub's documentation, "Workflow commands for GitHub Actions": both streams are read for commands.
    """
    env: Mapping[str, str] = session.env
    root_dir = session.project.root_dir
    workspace = env.get("GITHUB_WORKSPACE", "")
    is_below = bool(workspace) and root_dir.is_relative_to(Path(workspace).resolve())
    base = root_dir.relative_to(Path(workspace).resolve()) if is_below else Path()
    if lines := report_ci.github(report, PurePosixPath(base)):
        session.console.say(lines)
    if (path := summary_path(env, True)) is not None:
        append(path, report_ci.summary(report))
