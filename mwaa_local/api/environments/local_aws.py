"""The local AWS of a project: where it answers, and what it is asked without a client library.

The API asks here, which stays; the worker of an operation has botocore (`bucket`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mwaa_local.api.aws_query import Aws, NoAnswer, listed
from mwaa_local.errors import MwaaLocalError
from mwaa_local.project import Project
from mwaa_local.runtime.choice import existing_runtime

AWS = "aws"  # the component
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")  # as SDKs read them


def running_aws(owner: Project, env: Mapping[str, str]) -> str | None:
    """Return the URL of the local AWS that runs in a project; None where none does."""
    try:
        plan = existing_runtime(owner, env).running_plan() if owner.run_dir.exists() else None
    except MwaaLocalError:  # an engine that does not answer runs nothing
        return None
    return f"http://localhost:{plan.ports[AWS]}" if plan is not None and AWS in plan.ports else None


def endpoint_services(endpoint_url: str, region: str, wanted: Sequence[str]) -> set[str]:
    """Return for which of these services there is a VPC endpoint in EC2 there; none where EC2 does not answer."""
    try:
        found = Aws(endpoint_url, region).ec2("DescribeVpcEndpoints", {"service-name": wanted})
    except NoAnswer:
        return set()
    there = {one.get("serviceName") for one in listed(found.get("vpcEndpointSet"))}
    return {name for name in wanted if name in there}
