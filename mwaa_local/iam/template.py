"""The policies of a role in a CloudFormation template, as CDK writes one. Pure.

What only a deployment knows (an ARN of a bucket that is made, the account) becomes a pattern that fits anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .policies import ANY, Statement, listed, statements, trusts

ROLE, INLINE, MANAGED = "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"
ENVIRONMENT = "AWS::MWAA::Environment"
MWAA_SERVICE = "airflow-env.amazonaws.com"
_VARIABLE = re.compile(r"\$\{[^}]*\}")


def roles_of(template: Mapping[str, Any]) -> list[str]:
    """Return the logical names of roles that may be meant: those of environments, else those that MWAA may assume."""
    named = [
        str(name)
        for resource in _of_type(template, ENVIRONMENT).values()
        if (name := _logical_name(resource.get("Properties", {}).get("ExecutionRoleArn")))
    ]
    roles = _of_type(template, ROLE)
    assumable = [name for name, role in roles.items() if _is_for_mwaa(role)]
    return sorted({name for name in named if name in roles}) or sorted(assumable)


def names_of(template: Mapping[str, Any]) -> list[str]:
    return sorted(_of_type(template, ROLE))


def policy_of(template: Mapping[str, Any], role: str) -> tuple[list[Statement], list[str]]:
    """Return the statements of all policies of a role there, and the ARNs of attached policies that are not there."""
    properties = _of_type(template, ROLE)[role].get("Properties", {})
    documents = [each.get("PolicyDocument") for each in listed(properties.get("Policies")) if isinstance(each, Mapping)]
    attached = listed(properties.get("ManagedPolicyArns"))
    inside = {name for name in map(_logical_name, attached) if name}
    for kind in (INLINE, MANAGED):
        for name, resource in _of_type(template, kind).items():
            policy = resource.get("Properties", {})
            if name in inside or role in map(_logical_name, listed(policy.get("Roles"))):
                documents.append(policy.get("PolicyDocument"))
    found = [each for document in documents for each in statements(plain(document))]
    return found, [str(plain(each)) for each in attached if _logical_name(each) not in _of_type(template, MANAGED)]


def plain(value: Any) -> Any:
    """Return a value without CloudFormation's functions: a pattern in the place of what they would give."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    if len(value) == 1:
        (name, argument) = next(iter(value.items()))
        if name == "Ref":
            return {"AWS::NoValue": None, "AWS::Partition": "aws"}.get(str(argument), ANY)
        if name == "Fn::Join" and isinstance(argument, list) and len(argument) == 2:
            return str(argument[0]).join(str(plain(each)) for each in listed(argument[1]))
        if name == "Fn::Sub":
            text = argument[0] if isinstance(argument, list) and argument else argument
            return _VARIABLE.sub(lambda found: "aws" if "Partition" in found[0] else ANY, str(text))
        if str(name).startswith("Fn::"):
            return ANY
    return {key: plain(each) for key, each in value.items()}


def _of_type(template: Mapping[str, Any], kind: str) -> dict[str, Mapping[str, Any]]:
    return dict(_resources(template, kind))


def _resources(template: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    resources = template.get("Resources")
    for name, resource in resources.items() if isinstance(resources, Mapping) else ():
        if isinstance(resource, Mapping) and resource.get("Type") == kind:
            yield str(name), resource


def _logical_name(value: Any) -> str | None:
    """Return the resource that a reference leads to."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    if "Ref" in value:
        return str(value["Ref"])
    found = value.get("Fn::GetAtt")
    return str(found[0] if isinstance(found, list) and found else str(found).partition(".")[0]) if found else None


def _is_for_mwaa(role: Mapping[str, Any]) -> bool:
    trust = plain(role.get("Properties", {}).get("AssumeRolePolicyDocument"))
    return trusts(statements(trust), MWAA_SERVICE)
