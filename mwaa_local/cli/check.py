"""`mwaa-local check …`: whether what is uploaded to MWAA works there, before it is uploaded."""

from __future__ import annotations

from pathlib import Path

import typer

from mwaa_local.cli.check_dags import dags
from mwaa_local.cli.check_plugins import plugins
from mwaa_local.cli.check_requirements import requirements
from mwaa_local.cli.formats import FormatOption, format_of
from mwaa_local.cli.groups import command_group
from mwaa_local.cli.parameters import AllOption, JsonOption, ProjectOption, ReleaseOption, StrictOption
from mwaa_local.cli.session import open_session

check = command_group()


@check.callback(invoke_without_command=True)
def everything(
    context: typer.Context,
    strict: StrictOption = False,
    every: AllOption = False,
    airflow_version: ReleaseOption = None,
    output: FormatOption = None,
    as_json: JsonOption = False,
    project_dir: ProjectOption = Path(),
) -> None:
    """Check whether your project will work on MWAA, before you upload it.

    Without a subcommand it checks everything: environment file, Airflow configuration options, requirements, plugins,
    startup script, DAGs. It needs no Docker and no running environment. The first check of a release installs its
    packages. Plugins, startup script and DAGs run on this machine. One cause is reported once, with its first places.
    Exit codes: 0 nothing is wrong, 1 something is, 3 something could not be checked.

    Examples:

      mwaa-local check

      mwaa-local check --all

      mwaa-local check --airflow-version 3.3.1

      mwaa-local check --format github

      mwaa-local check dags

      mwaa-local check requirements
    """
    if context.invoked_subcommand is not None:
        if airflow_version:
            raise typer.BadParameter(f"write --airflow-version after {context.invoked_subcommand}")
        return
    from mwaa_local.cli.check_all import check_project

    wanted = format_of(output, as_json=as_json)
    check_project(open_session(project_dir, airflow_version=airflow_version), wanted, strict=strict, every=every)


check.command()(dags)
check.command("parse")(dags)  # the word that people know from other tools
check.command()(requirements)
check.command()(plugins)
