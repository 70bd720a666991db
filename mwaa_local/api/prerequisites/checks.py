"""The two moments at which MWAA looks: when it is called, and when it makes the environment.

refuse(members, endpoint_url, region)          raises ServiceError, as the call is answered
look(members, endpoint_url, region)            returns what is wrong with the network, and what was not looked at
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mwaa_local.api.aws_query import Aws, NoAnswer
from mwaa_local.api.http.errors import VALIDATION, ServiceError, ours
from mwaa_local.api.prerequisites.bucket import refusal_of_bucket
from mwaa_local.api.prerequisites.key import refusal_of_encryption, refusal_of_key, remarks_on_key
from mwaa_local.api.prerequisites.network import Fault, Network, faults
from mwaa_local.api.prerequisites.role import missing_actions, refusal_of_role

CONFIGURATION = "NetworkConfiguration"
# LastUpdate.Error of an environment that did not come up; the service's words, from a public report of 2024.
ERROR_CODE = "INCORRECT_CONFIGURATION"
ERROR_MESSAGE = (
    "You may need to check the execution role permissions policy for your environment, and that each of the VPC"
    " networking components required by the environment are configured to allow traffic."
    " Troubleshooting: https://docs.aws.amazon.com/mwaa/latest/userguide/troubleshooting.html"
)
ELSEWHERE = "subnets and security groups are not in the local AWS, and were not checked"


@dataclass(frozen=True)
class Looked:
    """What came of a look at network, role and key."""

    faults: Sequence[Fault] = ()  # with any of these the environment is not made
    not_checked: str = ""  # why something was not looked at
    remarks: Sequence[Fault] = ()  # with these it is made


def refuse(members: Mapping[str, Any], endpoint_url: str, region: str) -> None:
    """Raise ServiceError where MWAA would refuse members of CreateEnvironment for their bucket, role or key.

    Nothing is judged that is not in the AWS of that endpoint, or if that does not answer; nor what the environment
    does not name, as one of `up` need not name bucket and role.
    """
    aws = Aws(endpoint_url, region)
    try:
        _refuse_bucket(aws, members)
        if why := refusal_of_role(aws, members):
            raise ServiceError(VALIDATION, why)
        if why := refusal_of_key(aws, members) or refusal_of_encryption(aws, members):
            raise ours(VALIDATION, why)
    except NoAnswer:
        return


def refuse_bucket(members: Mapping[str, Any], endpoint_url: str, region: str) -> None:
    """Raise ServiceError where MWAA would refuse members for their bucket's own settings; else as `refuse`."""
    try:
        _refuse_bucket(Aws(endpoint_url, region), members)
    except NoAnswer:
        return


def _refuse_bucket(aws: Aws, members: Mapping[str, Any]) -> None:
    arn = members.get("SourceBucketArn")
    if arn and (refused := refusal_of_bucket(aws, str(arn))):
        said, is_ours = refused
        raise ours(VALIDATION, said) if is_ours else ServiceError(VALIDATION, said)


def look(members: Mapping[str, Any], endpoint_url: str, region: str) -> Looked:
    """Return what an environment of these members would lack when it is made."""
    configuration = members.get(CONFIGURATION) or {}
    aws = Aws(endpoint_url, region)
    remarks = _remarks(aws, members)
    try:
        network = Network.read(aws, configuration)
        missing = missing_actions(aws, members)
    except NoAnswer as error:
        why = f"the network was not checked: {endpoint_url} does not tell of it: {error}"
        return Looked(not_checked=why, remarks=remarks)
    found = faults(network, configuration) if network.is_known else []
    if missing:
        found.append(Fault(f"the execution role does not grant {', '.join(missing)}", "add them to its policy"))
    return Looked(found, "" if network.is_known or not configuration else ELSEWHERE, remarks)


def _remarks(aws: Aws, members: Mapping[str, Any]) -> list[Fault]:
    try:
        return remarks_on_key(aws, members)
    except NoAnswer:
        return []
