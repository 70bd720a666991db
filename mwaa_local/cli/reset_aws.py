"""`mwaa-local reset-aws`: a local AWS with what is in tests/aws/, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.cli.parameters import ProjectOption
from mwaa_local.cli.session import open_session


def reset_aws(
    project_dir: ProjectOption = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Empty the local AWS: buckets, secrets, queues, roles, stacks and all else made there are gone.

    What is in tests/aws/ is put in anew: into a running one at once, else by the next `mwaa-local up`. Environments
    that the MWAA API made stay.

    Examples:

      mwaa-local reset-aws --yes
    """
    from mwaa_local.services.aws import AWS
    from mwaa_local.services.aws_state import empty_running, remove_state

    session = open_session(project_dir)
    project = session.project
    session.console.make_way()
    if not yes and not typer.confirm(f"Empty the local AWS of {project.root_dir}?", err=True):
        raise typer.Exit(1)
    with session.exclusive():
        plan = session.runtime.running_plan()
        if plan is not None and AWS in plan.ports:
            empty_running(plan.ports[AWS])
            session.console.say("the local AWS holds what is in tests/aws/ and nothing else")
        elif remove_state(project):
            session.console.say("what the local AWS held is gone; `mwaa-local up` begins with what is in tests/aws/")
        else:
            session.console.say("the local AWS holds nothing")
