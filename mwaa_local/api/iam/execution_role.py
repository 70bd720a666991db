"""A role as the IAM of an endpoint has it: who may assume it, and what its policies say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from mwaa_local.api.aws_query import Absent, Aws, listed
from mwaa_local.iam.policies import Statement, statements


def read_role(aws: Aws, arn: str) -> tuple[list[Statement], list[Statement]]:
    """Return the statements of a role's trust policy, and those of all its policies, its own and attached.

    Raises Absent where IAM does not know it, and NoAnswer.
    """
    name = arn.rpartition("/")[2]
    if not name:
        raise Absent(arn)
    role = aws.iam("GetRole", RoleName=name)["Role"]
    trust = statements(_document(role["AssumeRolePolicyDocument"]))
    return trust, [one for document in _documents(aws, name) for one in statements(document)]


def _documents(aws: Aws, name: str) -> Iterator[Any]:
    for policy in listed(aws.iam("ListRolePolicies", RoleName=name)["PolicyNames"]):
        yield _document(aws.iam("GetRolePolicy", RoleName=name, PolicyName=policy)["PolicyDocument"])
    for policy in listed(aws.iam("ListAttachedRolePolicies", RoleName=name)["AttachedPolicies"]):
        arn = policy["PolicyArn"]
        version = aws.iam("GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = aws.iam("GetPolicyVersion", PolicyArn=arn, VersionId=version)
        yield _document(found["PolicyVersion"]["Document"])


def _document(text: str) -> Any:
    try:
        return json.loads(unquote(text))
    except ValueError:
        return {}
