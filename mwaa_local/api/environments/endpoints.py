"""The VPC endpoints of an environment whose owner makes them: EndpointManagement CUSTOMER.

MWAA makes two endpoint services and waits in PENDING, for up to 72 hours, until the owner has made endpoints for them
(MWAA user guide, "Managing your own Amazon VPC endpoints on Amazon MWAA"). Here they are looked for in the local EC2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from mwaa_local.api.aws_query import Aws, NoAnswer, listed
from mwaa_local.api.environments.record import Record
from mwaa_local.local_aws import endpoint_for
from mwaa_local.project import Project

ENDPOINTS_TIMEOUT_S = 72 * 3600
MANAGEMENT, CUSTOMER = "EndpointManagement", "CUSTOMER"
ACCESS, PUBLIC_ONLY = "WebserverAccessMode", "PUBLIC_ONLY"
WEBSERVER_SERVICE, DATABASE_SERVICE = "WebserverVpcEndpointService", "DatabaseVpcEndpointService"
ID_DIGITS = 17  # of EC2's ids


def endpoint_service_names(record: Record, region: str) -> dict[str, str]:
    """Return the names of the environment's endpoint services, by the members in which GetEnvironment answers them.

    Only where its owner makes the endpoints: nothing else here has any. A web server that is public alone has none.
    """
    if record.members.get(MANAGEMENT) != CUSTOMER:
        return {}
    members = [DATABASE_SERVICE, *([] if record.members.get(ACCESS) == PUBLIC_ONLY else [WEBSERVER_SERVICE])]
    return {member: f"com.amazonaws.vpce.{region}.vpce-svc-{_id(record, member)}" for member in members}


def missing_endpoints(project: Project, record: Record, env: Mapping[str, str]) -> list[str]:
    """Return for which of its services the environment has no VPC endpoint in the local EC2 yet."""
    from mwaa_local.configuration.base import region_of  # which brings the environment's model in

    region = region_of(env)
    wanted = list(endpoint_service_names(record, region).values())
    url = endpoint_for(project, env) if wanted else None
    if url is None:
        return wanted
    there = endpoint_services(url, region, wanted)
    return [name for name in wanted if name not in there]


def endpoint_services(endpoint_url: str, region: str, wanted: Sequence[str]) -> set[str]:
    """Return for which of these services there is a VPC endpoint in EC2 there; none where EC2 does not answer."""
    try:
        found = Aws(endpoint_url, region).ec2("DescribeVpcEndpoints", {"service-name": wanted})
    except NoAnswer:
        return set()
    there = {one.get("serviceName") for one in listed(found.get("vpcEndpointSet"))}
    return {name for name in wanted if name in there}


def _id(record: Record, member: str) -> str:
    return hashlib.sha256(f"{record.name} {record.created_at} {member}".encode()).hexdigest()[:ID_DIGITS]
