"""`mwaa-local check plugins`: plugins.zip, or the folder that it is made from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mwaa_local.cli.check_arguments import existing, releases_of
from mwaa_local.cli.formats import Format, FormatOption, findings_for_ci, format_of
from mwaa_local.cli.parameters import (
    AIRFLOW_VERSION_OPTION,
    AllOption,
    JsonOption,
    ProjectOption,
    known_version,
)
from mwaa_local.cli.session import Session, open_session
from mwaa_local.errors import MwaaLocalError

if TYPE_CHECKING:
    from mwaa_local.check.plugins.loading import Loaded, Registered
    from mwaa_local.finding import Finding
    from mwaa_local.release import Release

WHOLE = "mwaa-local check plugins --all"


def plugins(
    path: Annotated[
        Path | None, typer.Argument(help="plugins.zip or a folder; default: the project's plugins.")
    ] = None,
    airflow_version: Annotated[
        str | None, typer.Option(AIRFLOW_VERSION_OPTION, help="Check for this release.", callback=known_version)
    ] = None,
    every: AllOption = False,
    no_load: Annotated[bool, typer.Option("--no-load", help="Do not load them with the release's Airflow.")] = False,
    output: FormatOption = None,
    as_json: JsonOption = False,
    project_dir: ProjectOption = Path(),
) -> None:
    """Check plugins.zip, or the folder that it is made from.

    If it finds no error without running them, the release's Airflow loads the plugins, and what they register is
    listed. This runs the scheduler's startup script and imports their modules on this machine, without the
    requirements. A zip is unpacked into a temporary folder. The first check of a release installs its packages.
    Exit codes: 0 nothing is wrong, 1 something is, 3 they could not be loaded here.

    Examples:

      mwaa-local check plugins

      mwaa-local check plugins plugins.zip --airflow-version 3.3.1

      mwaa-local check plugins --no-load
    """
    from mwaa_local.check.plugins.check import check_plugins
    from mwaa_local.check.plugins.ignoring import SYNTAX_OPTION
    from mwaa_local.check.report import formats as report

    wanted = format_of(output, as_json=as_json)
    session = open_session(project_dir)
    [release] = releases_of(session, [airflow_version] if airflow_version else [])
    path = existing(path or Path(os.path.relpath(session.project.plugins_dir)))
    syntax = session.environment().airflow_configuration_options.get(SYNTAX_OPTION, "")
    findings = (*_on_release(session, airflow_version or ""), *check_plugins(path, release, syntax))
    loaded = None if no_load else _loaded(session, release, path, findings)
    if loaded is not None:
        findings = (*findings, *loaded.findings)
    _show(session, findings, wanted, None if loaded is None else loaded.registered, every=every)
    raise typer.Exit(report.findings_exit_code(findings))


def _on_release(session: Session, named: str) -> tuple[Finding, ...]:
    """Return the finding on a release that nobody named, if there is one."""
    from mwaa_local.check.release_signs import release_assumed

    assumed = None if named else release_assumed(session.project, session.environment())
    return (assumed,) if assumed else ()


def _loaded(session: Session, release: Release, path: Path, findings: tuple[Finding, ...]) -> Loaded | None:
    """Load the plugins with the release's packages, installed first if missing; None if errors are known already.

    If that fails, what was found so far is shown on stderr before the error goes on upward.
    """
    from dataclasses import replace

    from mwaa_local.check.project import SCHEDULER, plugins_load, startup_trials
    from mwaa_local.check.python import python_findings
    from mwaa_local.check.report import formats as report
    from mwaa_local.steps import Steps

    if report.findings_exit_code(findings):
        session.console.say("plugins not loaded: fix the errors above first")
        return None
    environment = session.environment()
    try:
        context = session.check_context(environment, release, Steps(session.console.show_event))
    except MwaaLocalError:
        session.console.say(report.findings_text(findings))
        raise
    with startup_trials(context, [SCHEDULER]) as trials:
        loaded = plugins_load(context, path, trials).run()
    return replace(loaded, findings=(*python_findings(session.project, context.base), *loaded.findings))


def _show(
    session: Session,
    findings: tuple[Finding, ...],
    output: Format,
    registered: tuple[Registered, ...] | None,
    *,
    every: bool,
) -> None:
    """Show findings, and what registered where the format has room for it; None is for plugins not loaded."""
    from dataclasses import asdict

    from mwaa_local.check.report import formats as report

    console = session.console
    if output is Format.JSON:
        plain = None if registered is None else [asdict(plugin) for plugin in registered]
        console.show_json({**report.findings_json(findings), "registered": plain})
    elif output is not Format.TEXT:
        console.show(findings_for_ci(output, findings, "plugins"))
    elif findings:
        whole_by = "" if every else WHOLE
        console.show(report.findings_text(findings, colour=console.colour_shown, whole_by=whole_by))
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
