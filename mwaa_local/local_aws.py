"""The AWS of this machine that an environment is with: where it answers."""

from __future__ import annotations

from collections.abc import Mapping

from mwaa_local.errors import MwaaLocalError
from mwaa_local.project import STATE_DIR, Project
from mwaa_local.runtime.choice import existing_runtime

AWS = "aws"  # the component
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")  # as SDKs read them


def endpoint_for(project: Project, env: Mapping[str, str]) -> str | None:
    """Return where the AWS of this machine answers for an environment; None where there is none."""
    for owner in (owner_of(project), Project(project.root_dir.parent)):
        if url := running_aws(owner, env):
            return url
    return next((env[name] for name in ENDPOINT_VARIABLES if env.get(name)), None)


def owner_of(project: Project) -> Project:
    """Return the project for which an environment was made; the environment's own where it was made for none."""
    return next((Project(path.parent) for path in project.root_dir.parents if path.name == STATE_DIR), project)


def running_aws(owner: Project, env: Mapping[str, str]) -> str | None:
    """Return the URL of the local AWS that runs in a project; None where none does."""
    try:
        plan = existing_runtime(owner, env).running_plan() if owner.run_dir.exists() else None
    except MwaaLocalError:  # an engine that does not answer runs nothing
        return None
    return f"http://localhost:{plan.ports[AWS]}" if plan is not None and AWS in plan.ports else None
