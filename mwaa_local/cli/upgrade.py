"""`mwaa-local upgrade`: another Airflow version for the environment, rehearsed as MWAA would change it in place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mwaa_local.cli.check_arguments import releases_of
from mwaa_local.cli.formats import Format, FormatOption, format_of, show_report
from mwaa_local.cli.killed import as_after_unfinished, line_of_unfinished, settle_killed, unfinished_upgrade
from mwaa_local.cli.parameters import (
    AllOption,
    JsonOption,
    PortOption,
    ProjectOption,
    RuntimeOption,
    known_versions,
)
from mwaa_local.cli.session import Session, open_session

if TYPE_CHECKING:
    from mwaa_local.check.part import Part
    from mwaa_local.upgrade.paths import Move
    from mwaa_local.upgrade.rehearsed import Rehearsed


def upgrade(
    to: Annotated[
        list[str],
        typer.Option("--to", help="The Airflow version; again or with commas for several.", callback=known_versions),
    ],
    plan: Annotated[bool, typer.Option("--plan", help="Only rehearse it, which is the default.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Carry it out, unless the rehearsal finds an error.")
    ] = False,
    run: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="DAG_ID", help="Run this DAG once at the end, with --yes; again for more."),
    ] = None,
    rehearsal: Annotated[bool, typer.Option("--rehearsal/--no-rehearsal", help="With --yes: rehearse first.")] = True,
    force: Annotated[bool, typer.Option("--force", help="With --yes: go on whatever the rehearsal finds.")] = False,
    port: PortOption = None,
    runtime: RuntimeOption = None,
    every: AllOption = False,
    output: FormatOption = None,
    as_json: JsonOption = False,
    project_dir: ProjectOption = Path(),
) -> None:
    """Rehearse another Airflow version, or carry it out: what MWAA's in-place upgrade breaks, and what to change.

    Changes nothing without `--yes`. It checks the path that MWAA allows, resolves the requirements for that release and
    proposes changes, imports plugins and DAGs with its packages, and compares options and defaults. Findings that
    today's release has too are counted apart. DAGs that `--run` names have to be there. Several versions give a table.
    Exit codes: 0 nothing breaks, 1 something does, 3 something could not be checked.

    With `--yes` it then stops the environment, takes a snapshot, migrates a copy of the database, writes AirflowVersion
    into mwaa.yaml, starts the new release and runs the DAGs you name. If a step fails, all is as before.
    Exit codes: 0 AVAILABLE, 1 MWAA refuses it, the rehearsal or a DAG failed, 3 a step failed, 130 interrupted.

    Examples:

      mwaa-local upgrade --to 2.11.2

      mwaa-local upgrade --to 2.11.2,3.0.6,3.3.1

      mwaa-local upgrade --to 3.3.1 --format github

      mwaa-local upgrade --to 2.11.2 --yes --run my_dag
    """
    from mwaa_local.upgrade.rehearsed import worst_exit_code

    wanted = format_of(output, as_json=as_json)
    session = open_session(project_dir)
    if not yes and (force or not rehearsal):
        raise typer.BadParameter("--force and --no-rehearsal are for --yes")
    if yes:
        if plan:
            raise typer.BadParameter("--plan changes nothing and --yes does; leave one out")
        if wanted not in (Format.TEXT, Format.JSON):
            raise typer.BadParameter(f"--format {wanted} is for the rehearsal; leave it out or --yes")
        is_json = wanted is Format.JSON
        _carry_out(session, to, Carried(tuple(run or ()), rehearsal, force, runtime, port, is_json), every=every)
        return
    unfinished = unfinished_upgrade(session)
    if unfinished:
        session.console.say(line_of_unfinished(unfinished))
    rehearsed = _rehearsed(as_after_unfinished(session), to, tuple(run or ()))
    _show(session, rehearsed, wanted, every=every, unfinished=unfinished)
    raise typer.Exit(worst_exit_code(rehearsed))


@dataclass(frozen=True)
class Carried:
    """What `--yes` is to do beside the move."""

    dags: tuple[str, ...]
    is_rehearsed: bool
    is_forced: bool
    runtime: str | None
    port: int | None
    as_json: bool


def _carry_out(session: Session, to: list[str], wanted: Carried, *, every: bool) -> None:
    """Carry out a move that MWAA takes and that the rehearsal finds no error in."""
    from mwaa_local.cli.upgrade_carrying import asked_move, carry_out_and_tell, failure_in_json, tell_nothing

    targets = releases_of(session, to)
    if len(targets) > 1:
        raise typer.BadParameter("--yes takes one version; go step by step")
    settle_killed(session, runs_dags=True)
    source, target, as_json = session.release(session.environment()), targets[0], wanted.as_json
    with failure_in_json(session.console, source, target, as_json=as_json):
        move = asked_move(session, target)  # first: a way that MWAA does not take needs no rehearsal
        if move.is_nothing:
            tell_nothing(session.console, move, as_json=as_json)
            return
        if wanted.is_rehearsed:
            _rehearse_first(session, move, wanted, every=every)
        carry_out_and_tell(session, target, wanted.dags, runtime=wanted.runtime, port=wanted.port, as_json=as_json)


def _rehearse_first(session: Session, move: Move, wanted: Carried, *, every: bool) -> None:
    """Rehearse it; end here where something breaks, unless that is to be. Not even then, where `--run` is a mistake."""
    from mwaa_local.cli.upgrade_carrying import ON_WITH_FORCE, stopped
    from mwaa_local.finding import has_error
    from mwaa_local.remarks import Remark
    from mwaa_local.upgrade.rehearsed import worst_exit_code
    from mwaa_local.upgrade.wanted_runs import UNKNOWN_RUN

    rehearsed = _rehearsed(session, [move.target.airflow_version], wanted.dags)
    code = worst_exit_code(rehearsed)
    of_runs = [finding for item in rehearsed for finding in item.findings if finding.rule == UNKNOWN_RUN]
    is_mistake = has_error(of_runs)
    if code and (is_mistake or not wanted.is_forced):
        hint = "name DAGs that exist with --run" if is_mistake else ON_WITH_FORCE
        if wanted.as_json:
            session.console.show_json(stopped(move, rehearsed, hint))
        else:
            _show(session, rehearsed, Format.TEXT, every=every)
        session.console.say(f"nothing was changed\n\nhint: {hint}")
        raise typer.Exit(code)
    for finding in of_runs:
        session.console.show_remark(Remark(finding.severity, "dag run", finding.what, finding.why, finding.hint))
    found = sum(len(item.findings) for item in rehearsed)
    session.console.say(f"rehearsed: {found} findings{', gone on with --force' if code else ', no error'}")


def _rehearsed(session: Session, to: list[str], runs: tuple[str, ...]) -> tuple[Rehearsed, ...]:
    from mwaa_local.steps import Steps
    from mwaa_local.upgrade.carrying_out.place import check_source
    from mwaa_local.upgrade.rehearsal import Rehearsal

    console = session.console

    def on_part(version: str, part: Part) -> None:
        console.say(f"{version:<8} {part.name:<17} {part.outcome:<11} {part.elapsed_s:5.1f} s")

    targets, source = releases_of(session, to), session.release(session.environment())
    for target in targets if session.airflow_version is None else ():
        check_source(session, source, target)
    return Rehearsal(session, Steps(console.show_event), on_part, runs).run(targets)


def _show(
    session: Session,
    rehearsed: tuple[Rehearsed, ...],
    output: Format,
    *,
    every: bool,
    unfinished: dict[str, str] | None = None,
) -> None:
    from mwaa_local.upgrade import report

    console = session.console
    asked = ",".join(item.airflow_version for item in rehearsed if not item.on_the_way_to)
    whole_by = "" if every else f"mwaa-local upgrade --to {asked} --all"
    written = {
        Format.TEXT: partial(report.text, rehearsed, colour=console.colour_shown, whole_by=whole_by),
        Format.JUNIT: partial(report.junit, rehearsed),
        Format.SARIF: partial(report.sarif, rehearsed),
        Format.GITHUB: partial(report.github, rehearsed),
    }
    show_report(console, output, partial(report.as_json, rehearsed, unfinished), written)
