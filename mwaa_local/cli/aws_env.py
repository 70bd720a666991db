"""`mwaa-local aws-env`: what a shell, or a profile of the AWS CLI, needs to ask the project instead of AWS."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.cli.parameters import JsonOption, ProjectOption
from mwaa_local.cli.session import open_session


def aws_env(
    profile_name: Annotated[
        str, typer.Option("--profile-name", metavar="NAME", help="Print a profile of that name for ~/.aws/config.")
    ] = "",
    as_json: JsonOption = False,
    project_dir: ProjectOption = Path(),
) -> None:
    """Print the variables by which boto3, the AWS CLI and CDK find this project's AWS.

    With `Local: {Aws: local}` all services are the project's, else MWAA's API alone, and your shell goes on asking AWS
    for the others; a region and keys are printed if your shell has none. --project also takes a folder that
    `mwaa-local api` serves.

    Examples:

      eval "$(mwaa-local aws-env)"

      mwaa-local aws-env --profile-name local >> ~/.aws/config
    """
    from mwaa_local.cli.aws_endpoint import find_access, variables_of
    from mwaa_local.services.aws_access import KEYS_NOTE, PROFILE_NAME

    if profile_name and not PROFILE_NAME.fullmatch(profile_name):
        raise typer.BadParameter("a profile's name has letters, digits and _ . @ + -", param_hint="--profile-name")
    session = open_session(project_dir)
    access = find_access(session)
    variables = variables_of(access, session.env)
    unset = access.unset(session.env)
    has_keys_for_mwaa = not access.url and "AWS_ACCESS_KEY_ID" in variables and not profile_name
    notes = [*access.notes, *([KEYS_NOTE] if has_keys_for_mwaa else [])]
    if as_json:
        plain = {"variables": variables, "unset": unset, "notes": notes}
        session.console.show_json({**plain, **({"profile": access.profile(profile_name)} if profile_name else {})})
        return
    for note in notes:
        session.console.say(f"note: {note}")
    if profile_name:
        session.console.show(access.profile(profile_name))
        return
    for name, value in variables.items():
        session.console.show(f"export {name}={shlex.quote(value)}")
    if unset:
        session.console.show(f"unset {' '.join(unset)}")
