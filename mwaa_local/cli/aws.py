"""`mwaa-local aws`: the AWS CLI, asking the project instead of AWS."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.cli.session import Session, open_session

HELP_WORDS = ("--help", "-h")


def aws(
    words: Annotated[list[str] | None, typer.Argument(metavar="WORD...", help="The AWS CLI's words.")] = None,
) -> None:
    """Run an AWS CLI command against this project: its local AWS, or without one its MWAA API.

    Your own `aws` is used from version 2.13 on; else one is installed, once for all projects. Everything after `aws`
    goes to it unchanged, and its exit code is this command's. Region and credentials are the project's; your AWS
    configuration is not read. Set MWAA_LOCAL_PROJECT to name a project from elsewhere.

    Examples:

      mwaa-local aws mwaa get-environment --name MyAirflowEnvironment

      mwaa-local aws s3 ls
    """
    if not words or words[0] in HELP_WORDS:
        typer.echo(inspect.getdoc(aws))
        return
    from mwaa_local.cache import locks
    from mwaa_local.cli.aws_endpoint import find_access
    from mwaa_local.command import become

    session = open_session(Path(os.environ.get("MWAA_LOCAL_PROJECT", ".")))
    env = find_access(session).of_command(session.env)
    command = _find_cli(session)
    locks.keep_beyond_exec()
    become([command, *words], env)


def _find_cli(session: Session) -> str:
    from mwaa_local.services.aws_cli import cli_of_index, own_cli
    from mwaa_local.steps import Steps

    found = own_cli(session.env, session.project.run_dir)
    if found:
        return found
    steps = Steps(session.console.show_event)
    return steps.do("AWS CLI", lambda say: cli_of_index(session.cache_dir, session.env, say))


aws.context_settings = {  # type: ignore[attr-defined]
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    "allow_interspersed_args": False,
    "help_option_names": [],
}
