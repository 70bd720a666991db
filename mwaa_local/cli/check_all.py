"""`mwaa-local check` without a subcommand: everything that is uploaded to MWAA, in one report."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import typer

from mwaa_local.cli.formats import Format, show_report
from mwaa_local.cli.session import Session

if TYPE_CHECKING:
    from mwaa_local.check.part import Part


WHOLE = "mwaa-local check --all"


def check_project(session: Session, output: Format, *, strict: bool, every: bool) -> None:
    """Check all parts, show them, and end with the exit code that they make. Raises typer.Exit."""
    from mwaa_local.check.part import exit_code

    parts = all_parts(session, strict=strict)
    show_parts(session, parts, output, every=every)
    raise typer.Exit(exit_code(parts))


def all_parts(session: Session, *, strict: bool, judge: Callable[[Part], Part] = lambda part: part) -> tuple[Part, ...]:
    """Return every part as changed by `judge`; prints a line of progress when one is done."""
    from mwaa_local.check.project import ProjectCheck
    from mwaa_local.steps import Steps

    console = session.console

    def on_part(told: Part) -> None:
        part = judge(told)
        console.say(f"{part.name:<17} {part.outcome:<11} {part.elapsed_s:5.1f} s")

    steps = Steps(console.show_event)
    parts = ProjectCheck(session, steps, on_part, strict).run()
    return tuple(judge(part) for part in parts)


def show_parts(session: Session, parts: tuple[Part, ...], output: Format, *, every: bool) -> None:
    """Show all parts in that format; `every`: the text has all findings, however many."""
    from mwaa_local.check.report import formats as report
    from mwaa_local.check.report import parts as report_parts

    console = session.console
    findings, whole_by = report_parts.as_findings(parts), "" if every else WHOLE
    written = {
        Format.TEXT: partial(report_parts.parts_text, parts, colour=console.colour_shown, whole_by=whole_by),
        Format.JUNIT: partial(report_parts.parts_junit, parts),
        Format.SARIF: partial(report.findings_sarif, findings),
        Format.GITHUB: partial(report.findings_github, findings),
    }
    show_report(console, output, partial(report_parts.parts_json, parts), written)
