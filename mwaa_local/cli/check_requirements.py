"""`mwaa-local check requirements`: whether the requirements file works on MWAA, and why not."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mwaa_local.cli.check_arguments import existing, releases_of
from mwaa_local.cli.formats import Format, FormatOption, format_of, show_report
from mwaa_local.cli.parameters import (
    AIRFLOW_VERSION_OPTION,
    JsonOption,
    ProjectOption,
    RequirementsArgument,
    known_versions,
)
from mwaa_local.cli.session import Session, open_session
from mwaa_local.console import Console
from mwaa_local.errors import RequirementsUnreadable

if TYPE_CHECKING:
    from mwaa_local.check.requirements.check import RequirementsCheck
    from mwaa_local.check.requirements.startup_exports import StartupScript
    from mwaa_local.check.requirements.verdict import Checked, Proposal
    from mwaa_local.environment.environment import Environment
    from mwaa_local.release import Release

VersionOption = Annotated[
    list[str] | None,
    typer.Option(
        AIRFLOW_VERSION_OPTION,
        help="Check for this release; again or with commas for several.",
        callback=known_versions,
    ),
]


def requirements(
    file: RequirementsArgument = None,
    airflow_version: VersionOption = None,
    every: Annotated[bool, typer.Option("--all", help="Check for every release MWAA has had; prints a table.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show the proposed changes as a diff.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Write the proposed changes into the file.")] = False,
    install: Annotated[
        bool, typer.Option("--install", help="Also install it into a temporary copy and import it; one release only.")
    ] = False,
    output: FormatOption = None,
    as_json: JsonOption = False,
    project_dir: ProjectOption = Path(),
) -> None:
    """Check whether the requirements file works on MWAA, and why not.

    Resolves it for MWAA's platform, Python, constraints and packages; needs no Docker. Installs nothing, except with
    --install: into a temporary copy of the release's packages.
    Exit codes: 0 it works, 1 it does not, 3 it could not be checked.

    Examples:

      mwaa-local check requirements

      mwaa-local check requirements --airflow-version 2.10.3,3.3.1

      mwaa-local check requirements --fix

      mwaa-local check requirements --install

      mwaa-local check requirements --format github
    """
    from mwaa_local.check.report import formats as report

    wanted = format_of(output, as_json=as_json, diff=diff)
    session = open_session(project_dir)
    environment = session.environment()
    path = existing(file or _own_file(session))
    releases = releases_of(session, airflow_version or [], every=every)
    if install and len(releases) > 1:
        raise typer.BadParameter("--install works for one release at a time: name one")
    with _script(session, environment, releases) as script:
        checking = _checking(session, environment, path, script, install=install)
        on_checked = partial(_say_outcome, session.console) if len(releases) > 1 else _say_nothing
        checked = checking.check_all(releases, on_checked)
        if fix and _fix(session, checked):
            checked = checking.check_all(releases, on_checked)
        if install:
            checked = [_tried(session, environment, releases[0], checked[0], checking)]
    if not (airflow_version or every):
        checked = _with_assumption(session, environment, checked)
    _show(session, checked, wanted, diff=diff, table=every)
    raise typer.Exit(report.exit_code(checked))


def _own_file(session: Session) -> Path:
    """Return the project's requirements file. Raises FileMissing, with a file that may be meant instead."""
    from mwaa_local.check.other_tools import requirements_elsewhere
    from mwaa_local.errors import FileMissing

    path = session.project.requirements_path
    if found := requirements_elsewhere(session.project):
        name = found[0].path
        raise FileMissing(f"there is no {path}", f"There is {name}. {found[0].why}", found[0].hint)
    return path


def _with_assumption(session: Session, environment: Environment, checked: list[Checked]) -> list[Checked]:
    """Return what was checked with the finding on a release that nobody named, and without advice to follow it."""
    from dataclasses import replace

    from mwaa_local.check.release_signs import release_assumed, without_release_advice

    assumed = release_assumed(session.project, environment)
    if assumed is None:
        return checked
    return [replace(item, findings=(assumed, *without_release_advice(item.findings, assumed))) for item in checked]


def _script(
    session: Session, environment: Environment, releases: list[Release]
) -> AbstractContextManager[StartupScript]:
    """Return the startup script, to be run on demand for the environment's release, else for one that is checked."""
    from mwaa_local.check.requirements.startup_run import script_on_demand
    from mwaa_local.steps import Steps

    running = [release for release in releases if release.startup_script] or releases
    own = [release for release in running if release.airflow_version == environment.airflow_version]
    steps = Steps(session.console.show_event)
    return script_on_demand(session.project, lambda: session.check_context(environment, (own or running)[-1], steps))


def _checking(
    session: Session, environment: Environment, path: Path, script: StartupScript, *, install: bool
) -> RequirementsCheck:
    from mwaa_local.check.requirements.check import RequirementsCheck
    from mwaa_local.check.requirements.pip_plan import Pips, settled
    from mwaa_local.check.requirements.startup_run import declared_variables
    from mwaa_local.configuration.option_names import translate

    variables = translate(environment.airflow_configuration_options)
    private = environment.has_private_webserver
    pips = Pips(session.cache_dir, session.env, session.console.say)
    if install:
        pips = settled(pips)
    declared = declared_variables(session.project, environment, session.release(environment), session.env)
    place = (session.project, path, session.env, variables, private, session.cache_dir, pips)
    return RequirementsCheck(*place, script, declared)


def _say_outcome(console: Console, item: Checked) -> None:
    console.say(f"{item.airflow_version:<8} {item.outcome:<11} {item.elapsed_s:5.1f} s")


def _say_nothing(_item: Checked) -> None:
    """One release needs no line of progress: its report follows."""


def _tried(
    session: Session, environment: Environment, release: Release, checked: Checked, checking: RequirementsCheck
) -> Checked:
    """Install the file for a trial; return what was checked with what that found."""
    from dataclasses import replace

    from mwaa_local.check.python import python_findings
    from mwaa_local.check.requirements.install_trial import InstallTrial
    from mwaa_local.check.requirements.pip_choice import LONG_RESOLUTION
    from mwaa_local.check.requirements.verdict import Conflict, NoWheel
    from mwaa_local.finding import ERROR, in_order
    from mwaa_local.steps import Steps

    console = session.console
    is_endless = any(item.rule == LONG_RESOLUTION and item.severity == ERROR for item in checked.findings)
    if is_endless or isinstance(checked.verdict, Conflict | NoWheel):
        console.say("skipping the trial install: pip would fail (see above)")
        return checked
    steps = Steps(console.show_event)
    context = session.check_context(environment, release, steps)
    tried = InstallTrial(context, checking.path, steps, checking.exported(release)).run(checked)
    if not any(finding.rule == "install-failed" for finding in tried.findings):
        changed = ", ".join(tried.installed) or "nothing"
        console.say(f"installed for a trial: {changed}; {tried.imported} modules could be imported")
    stand_in = python_findings(session.project, context.base)
    return replace(checked, findings=in_order([*stand_in, *checked.findings, *tried.findings]))


def _fix(session: Session, checked: list[Checked]) -> bool:
    """Write the proposals into the files they are about, each file once; return whether there were any."""
    from mwaa_local.check.report import formats as report
    from mwaa_local.check.showing import shown_line

    of_file: dict[str, list[Proposal]] = {}
    for proposal in dict.fromkeys(proposal for item in checked for proposal in report.proposals(item)):
        of_file.setdefault(proposal.path, []).append(proposal)
    for name, proposals in of_file.items():
        path = session.project.root_dir / name
        before = _text(path)
        skipped, lines = report.misplaced(before, proposals), set[int]()
        path.write_bytes(report.apply(before, proposals).encode("utf-8"))
        for proposal in proposals:
            # Releases may want different things of a line; it can have one, the first.
            verb = "not changed" if proposal in skipped or proposal.line in lines else "changed"
            lines.add(proposal.line)
            change = f"{shown_line(proposal.old)} -> {shown_line(proposal.new)}"
            session.console.say(f"{verb} {name}:{proposal.line}: {change}")
    return bool(of_file)


def _text(path: Path) -> str:
    """Return a file's text with its line ends as they are. Raises RequirementsUnreadable for what is no UTF-8."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequirementsUnreadable(
            f"{path} is not UTF-8 text, so the change cannot be written or shown as a diff",
            str(error),
            "save the file as UTF-8",
        ) from error


def _show(session: Session, checked: list[Checked], output: Format, *, diff: bool, table: bool) -> None:
    from mwaa_local.check.report import formats as report

    root_dir, console = session.project.root_dir, session.console
    if diff:
        for item in checked:
            console.show(report.diff(item, lambda path: _text(root_dir / path)))
        return
    whole = partial(report.text, checked, colour=console.colour_shown)
    written = {
        Format.TEXT: partial(report.summary_table, checked) if table else whole,
        Format.JUNIT: partial(report.junit, checked),
        Format.SARIF: partial(report.sarif, checked),
        Format.GITHUB: partial(report.github, checked),
    }
    show_report(console, output, partial(report.as_json, checked), written)
