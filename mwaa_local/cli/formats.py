"""The formats of reports, and the option with which every check command chooses one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mwaa_local.console import Console
    from mwaa_local.finding import Finding


class Format(StrEnum):
    """The format of a check's report."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"


FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help="text, json, junit, sarif (code scanning) or github (annotations); by default text."),
]


def format_of(given: Format | None, *, as_json: bool, diff: bool = False) -> Format:
    """Return the format that the options ask for. Raises BadParameter if they ask for two."""
    if as_json and given not in (None, Format.JSON):
        raise typer.BadParameter(f"--json and --format {given} are two formats; leave one out")
    if diff and (as_json or given not in (None, Format.TEXT)):
        raise typer.BadParameter(f"--diff is text; leave out {'--json' if as_json else f'--format {given}'} or --diff")
    return Format.JSON if as_json else given or Format.TEXT


def show_report(
    console: Console, output: Format, plain: Callable[[], Any], written: Mapping[Format, Callable[[], str]]
) -> None:
    """Show a report in one format, the only one in which it is made; `plain` gives the values for JSON."""
    if output is Format.JSON:
        console.show_json(plain())
    else:
        console.show(written[output]())


def findings_for_ci(output: Format, findings: Sequence[Finding], name: str) -> str:
    """Return findings in one of the formats for CI; `name` is what was checked."""
    from mwaa_local.check.report import formats as report

    if output is Format.JUNIT:
        return report.findings_junit(findings, name=name)
    if output is Format.SARIF:
        return report.findings_sarif(findings)
    return report.findings_github(findings)
