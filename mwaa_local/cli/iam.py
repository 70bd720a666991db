"""`mwaa-local iam`: which IAM actions the DAGs need, and whether the execution role grants them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.cli.parameters import JsonOption, ProjectOption
from mwaa_local.cli.session import open_session

FOUND_LACKING = 1  # the exit code when something called is not granted


def iam(
    policies: Annotated[
        list[Path] | None,
        typer.Option("--policy", metavar="FILE", help="Compare with this policy in JSON; may be repeated."),
    ] = None,
    template: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Compare with a role of this CloudFormation template.")
    ] = None,
    role: Annotated[
        str, typer.Option(metavar="LOGICAL_ID", help="Which role of the template, if it has several.")
    ] = "",
    only_policy: Annotated[bool, typer.Option("--only-policy", help="Print the minimal policy alone.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Begin anew: forget what was called.")] = False,
    as_json: JsonOption = False,
    project_dir: ProjectOption = Path(),
) -> None:
    """Show which IAM actions your DAGs called, a minimal policy for them, and what the execution role lacks.

    Calls are recorded while the environment runs, with a local AWS (Aws: local) with their resources. By default they
    are compared with the policies of ExecutionRoleArn in the local IAM.

    Exit codes: 0 nothing called is refused by the policies compared with, or there are none; 1 something called is not
    granted; 2 wrong usage; 3 a file cannot be read.

    Examples:

      mwaa-local iam

      mwaa-local iam --only-policy > policy.json

      mwaa-local iam --template cdk.out/Orders.template.json

      mwaa-local iam --policy policy.json --json | jq '.not_granted'
    """
    from mwaa_local.cli.iam_output import report_of, show
    from mwaa_local.cli.iam_sources import of_files, of_local_iam, of_template
    from mwaa_local.services.calls import forget_calls

    if policies and template:
        raise typer.BadParameter("--policy and --template both name policies; leave one out")
    if role and not template:
        raise typer.BadParameter("--role names a role of a template; add --template FILE")
    if only_policy and as_json:
        raise typer.BadParameter("--only-policy prints JSON already; leave out --json")
    session = open_session(project_dir)
    if forget:
        forget_calls(session.project)
        session.console.say("forgot what was called; what is called from now on counts")
        return
    environment = session.environment()
    if policies:
        source = of_files(policies)
    elif template:
        source = of_template(template, role)
    else:
        source = of_local_iam(session, environment.execution_role_arn)
    report = report_of(session, environment, source)
    if only_policy:
        session.console.show_json(report.policy or {"Version": "2012-10-17", "Statement": []})
    elif as_json:
        session.console.show_json(report.to_json())
    else:
        show(session.console, report, environment.local.aws)
    raise typer.Exit(FOUND_LACKING if report.is_lacking else 0)
