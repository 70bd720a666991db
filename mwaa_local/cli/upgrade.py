"""`mwaa-local upgrade`: another Airflow version for the environment, rehearsed as MWAA would change it in place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mwaa_local.cli.check_arguments import releases_of
from mwaa_local.cli.formats import Format, FormatOption, format_of
from mwaa_local.cli.parameters import AllOption, JsonOption, ProjectOption
from mwaa_local.cli.session import Session, open_session

if TYPE_CHECKING:
    from mwaa_local.check.part import Part
    from mwaa_local.upgrade.rehearsed import Rehearsed


def upgrade(
    to: Annotated[list[str], typer.Option("--to", help="The Airflow version; again or with commas for several.")],
    _plan: Annotated[bool, typer.Option("--plan", help="Only rehearse it, which is the default.")] = False,
    every: AllOption = False,
    output: FormatOption = None,
    as_json: JsonOption = False,
    project_dir: ProjectOption = Path(),
) -> None:
    """Rehearse another Airflow version: what MWAA's in-place upgrade or downgrade would break, and what to change.

    Changes nothing. It checks the path that MWAA allows, resolves the requirements for that release and proposes
    changes, imports plugins and DAGs with its packages, and compares options and defaults. Findings that today's
    release has too are counted apart. Several versions give one table.
    Exit codes: 0 nothing breaks, 1 something does, 3 something could not be checked.

    Examples:

      mwaa-local upgrade --to 2.11.2

      mwaa-local upgrade --to 2.11.2,3.0.6,3.3.1

      mwaa-local upgrade --to 3.3.1 --format github
    """
    from mwaa_local.upgrade.rehearsed import worst_exit_code

    wanted = format_of(output, as_json=as_json)
    session = open_session(project_dir)
    rehearsed = _rehearsed(session, to)
    _show(session, rehearsed, wanted, every=every)
    raise typer.Exit(worst_exit_code(rehearsed))


def _rehearsed(session: Session, to: list[str]) -> tuple[Rehearsed, ...]:
    from mwaa_local.steps import Steps
    from mwaa_local.upgrade.rehearsal import Rehearsal

    console = session.console

    def on_part(version: str, part: Part) -> None:
        console.say(f"{version:<8} {part.name:<17} {part.outcome:<11} {part.elapsed_s:5.1f} s")

    targets = releases_of(session, to)
    return Rehearsal(session, Steps(console.show_event), on_part).run(targets)


def _show(session: Session, rehearsed: tuple[Rehearsed, ...], output: Format, *, every: bool) -> None:
    from mwaa_local.upgrade import report

    console = session.console
    if output is Format.JSON:
        console.show_json(report.as_json(rehearsed))
    elif output is Format.JUNIT:
        console.show(report.junit(rehearsed))
    elif output is Format.SARIF:
        console.show(report.sarif(rehearsed))
    elif output is Format.GITHUB:
        console.show(report.github(rehearsed))
    else:
        asked = ",".join(item.airflow_version for item in rehearsed if not item.on_the_way_to)
        whole_by = "" if every else f"mwaa-local upgrade --to {asked} --all"
        console.show(report.text(rehearsed, colour=console.colour_shown, whole_by=whole_by))
