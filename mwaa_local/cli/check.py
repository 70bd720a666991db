"""`mwaa-local check …`: whether what is uploaded to MWAA works there, before it is uploaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mwaa_local.cli.check_dags import dags
from mwaa_local.cli.formats import Format, FormatOption, StrictOption, format_of
from mwaa_local.cli.session import JsonOption, ProjectOption, Session, open_session
from mwaa_local.errors import FileMissing, MwaaLocalError, RequirementsUnreadable

if TYPE_CHECKING:
    from mwaa_local.check.plugins.loading import Loaded, Registered
    from mwaa_local.check.requirements.verdict import Checked, Proposal
    from mwaa_local.environment.environment import Environment
    from mwaa_local.finding import Finding
    from mwaa_local.release import Release


VersionOption = Annotated[
    list[str] | None,
    typer.Option("--airflow-version", help="Check for this release; again or with commas for several."),
]

check = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@check.callback(invoke_without_command=True)
def everything(
    context: typer.Context,
    strict: StrictOption = False,
    output: FormatOption = None,
    as_json: JsonOption = False,
    project_dir: ProjectOption = Path(),
) -> None:
    """Check whether your project will work on MWAA, before you upload it.

    Without a subcommand it checks everything: environment file, Airflow configuration options, requirements, plugins,
    startup script, DAGs. It needs no Docker and no running environment. The first check of a release installs its
    packages. Plugins, startup script and DAGs run on this machine.
    Exit codes: 0 nothing is wrong, 1 something is, 3 something could not be checked.

    Examples:

      mwaa-local check

      mwaa-local check --format github

      mwaa-local check dags

      mwaa-local check requirements
    """
    if context.invoked_subcommand is not None:
        return
    from mwaa_local.cli.check_all import check_project

    wanted = format_of(output, as_json=as_json)
    check_project(open_session(project_dir), wanted, strict=strict)


check.command()(dags)
check.command("parse")(dags)  # the word that people know from other tools


@check.command()
def requirements(
    file: Annotated[Path | None, typer.Argument(help="By default the project's requirements file.")] = None,
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
    from mwaa_local.check.requirements.check import RequirementsCheck
    from mwaa_local.configuration.option_names import translate

    wanted = format_of(output, as_json=as_json, diff=diff)
    session = open_session(project_dir)
    environment = session.environment()
    path = _existing(file or session.project.requirements_path)
    releases = _releases(session, airflow_version or [], every=every)
    variables = translate(environment.airflow_configuration_options)
    private = environment.has_private_webserver
    checking = RequirementsCheck(session.project, path, session.env, variables, private, session.cache_dir)
    several = len(releases) > 1
    if install and several:
        raise typer.BadParameter("--install works for one release at a time: name one")

    def on_checked(item: Checked) -> None:
        if several:
            session.console.say(f"{item.airflow_version:<8} {item.outcome:<11} {item.elapsed_s:5.1f} s")

    checked = checking.check_all(releases, on_checked)
    if fix and _fix(session, checked):
        checked = checking.check_all(releases, on_checked)
    if install:
        checked = [_tried(session, environment, releases[0], path, checked[0])]
    _show_checked(session, checked, wanted, diff=diff, table=every)
    raise typer.Exit(report.exit_code(checked))


@check.command()
def plugins(
    path: Annotated[
        Path | None, typer.Argument(help="plugins.zip or a folder; default: the project's plugins.")
    ] = None,
    airflow_version: Annotated[str, typer.Option("--airflow-version", help="Check for this release.")] = "",
    no_load: Annotated[bool, typer.Option("--no-load", help="Do not load them with the release's Airflow.")] = False,
    output: FormatOption = None,
    as_json: JsonOption = False,
    project_dir: ProjectOption = Path(),
) -> None:
    """Check plugins.zip, or the folder that it is made from.

    If it finds no error without running them, the release's Airflow loads the plugins, and what they register is
    listed. This imports their modules on this machine, without the requirements. A zip is unpacked into a temporary
    folder. The first check of a release installs its packages.
    Exit codes: 0 nothing is wrong, 1 something is, 3 they could not be loaded here.

    Examples:

      mwaa-local check plugins

      mwaa-local check plugins plugins.zip --airflow-version 3.3.1

      mwaa-local check plugins --no-load
    """
    from mwaa_local.check.plugins.check import check_plugins
    from mwaa_local.check.report import formats as report

    wanted = format_of(output, as_json=as_json)
    session = open_session(project_dir)
    releases = _releases(session, [airflow_version] if airflow_version else [], every=False)
    if len(releases) > 1:
        raise typer.BadParameter("plugins are checked for one release at a time: name one")
    [release] = releases
    path = _existing(path or Path(os.path.relpath(session.project.plugins_dir)))
    findings, registered = check_plugins(path, release), None
    if not no_load:
        if report.findings_exit_code(findings):
            session.console.say("plugins not loaded: fix the errors above first")
        else:
            loaded = _loaded(session, release, path, findings)
            findings, registered = (*findings, *loaded.findings), loaded.registered
    _show_findings(session, findings, wanted, registered)
    raise typer.Exit(report.findings_exit_code(findings))


def _tried(session: Session, environment: Environment, release: Release, path: Path, checked: Checked) -> Checked:
    """Install the file for a trial; return what was checked with what that found."""
    from dataclasses import replace

    from mwaa_local.check.python import python_findings
    from mwaa_local.check.requirements.install_trial import InstallTrial
    from mwaa_local.check.requirements.verdict import Conflict, NoWheel
    from mwaa_local.finding import in_order
    from mwaa_local.steps import Steps

    console = session.console
    if isinstance(checked.verdict, Conflict | NoWheel):
        console.say("skipping the trial install: pip would fail (see above)")
        return checked
    steps = Steps(console.show_event)
    context = session.check_context(environment, release, steps)
    tried = InstallTrial(context, path, steps).run(checked)
    if not any(finding.rule == "install-failed" for finding in tried.findings):
        changed = ", ".join(tried.installed) or "nothing"
        console.say(f"installed for a trial: {changed}; {tried.imported} modules could be imported")
    stand_in = python_findings(session.project, context.base)
    return replace(checked, findings=in_order([*stand_in, *checked.findings, *tried.findings]))


def _loaded(session: Session, release: Release, path: Path, findings: tuple[Finding, ...]) -> Loaded:
    """Load the plugins with the release's packages, which are installed where they are not there yet.

    Where that fails, what was found so far is told on stderr before the error goes on upward.
    """
    from dataclasses import replace

    from mwaa_local.check.plugins.loading import PluginsLoad
    from mwaa_local.check.python import python_findings
    from mwaa_local.check.report import formats as report
    from mwaa_local.steps import Steps

    environment = session.environment()
    try:
        context = session.check_context(environment, release, Steps(session.console.show_event))
    except MwaaLocalError:
        session.console.say(report.findings_text(findings))
        raise
    loaded = PluginsLoad(context, path).run()
    return replace(loaded, findings=(*python_findings(session.project, context.base), *loaded.findings))


def _releases(session: Session, named: list[str], *, every: bool) -> list[Release]:
    from mwaa_local.release import Release

    if every:
        return list(Release.all())
    versions = [version.strip() for item in named for version in item.split(",") if version.strip()]
    return [Release.load(version) for version in dict.fromkeys(versions)] or [session.release(session.environment())]


def _existing(path: Path) -> Path:
    if not path.exists():
        raise FileMissing(f"there is no {path}", "This is the file to check.", "name the file to check")
    if not (path.is_file() or path.is_dir()):  # a pipe would be waited for without end
        raise FileMissing(f"{path} is no file", "It is a pipe, a socket or a device.", "name a file")
    return path


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


def _show_checked(session: Session, checked: list[Checked], output: Format, *, diff: bool, table: bool) -> None:
    from mwaa_local.check.report import formats as report

    root_dir, console = session.project.root_dir, session.console
    if output is Format.JSON:
        console.show_json(report.as_json(checked))
    elif output is Format.JUNIT:
        console.show(report.junit(checked))
    elif output is Format.SARIF:
        console.show(report.sarif(checked))
    elif output is Format.GITHUB:
        console.show(report.github(checked))
    elif diff:
        for item in checked:
            console.show(report.diff(item, lambda path: _text(root_dir / path)))
    else:
        colour = lambda text, code: console.colour(text, code, console.out)  # noqa: E731
        console.show(report.summary_table(checked) if table else report.text(checked, colour=colour))


def _show_findings(
    session: Session, findings: tuple[Finding, ...], output: Format, registered: tuple[Registered, ...] | None
) -> None:
    """Show findings, and what registered where the format has room for it; None is for plugins not loaded."""
    from dataclasses import asdict

    from mwaa_local.check.report import formats as report

    console = session.console
    if output is Format.JSON:
        plain = None if registered is None else [asdict(plugin) for plugin in registered]
        console.show_json({**report.findings_json(findings), "registered": plain})
    elif output is Format.JUNIT:
        console.show(report.findings_junit(findings, name="plugins"))
    elif output is Format.SARIF:
        console.show(report.findings_sarif(findings))
    elif output is Format.GITHUB:
        console.show(report.findings_github(findings))
    elif findings:
        console.show(report.findings_text(findings, colour=lambda text, code: console.colour(text, code, console.out)))
    else:
        console.show("no problems found in the plugins")
    if output is Format.TEXT and registered is not None:
        _show_registered(session, registered)


def _show_registered(session: Session, registered: tuple[Registered, ...]) -> None:
    from mwaa_local.check.showing import shown_line

    if not registered:
        session.console.show("no plugin registered")
    for plugin in registered:
        members = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in plugin.members.items())
        place = f" ({plugin.source})" if plugin.source else ""
        session.console.show(shown_line(f"registered {plugin.name}{place}: {members or 'nothing but its name'}"))
