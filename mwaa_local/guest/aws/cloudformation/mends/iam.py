"""IAM: managed policies of a role, AWS's among them, a role changed in place, managed policies changed and deleted."""

from __future__ import annotations

import json
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data  # type: ignore[import-not-found]
from moto.iam.models import AWSManagedPolicy, iam_backends  # type: ignore[import-not-found]

from . import Mend, Properties, Where

HOLDERS = (("Roles", "role"), ("Users", "user"), ("Groups", "group"))
DEFAULT_SESSION_S = 3600


def _backend(where: Where) -> Any:
    return iam_backends[where.account_id][where.partition]


def _attach(where: Where, arn: str, role_name: str) -> None:
    """Attach a policy; AWS's own are in moto, but not in its accounts, where all of them would take 18 MB."""
    backend = _backend(where)
    if arn not in backend.managed_policies and f"{where.partition}:iam::aws:policy/" in arn:
        name = arn.rsplit("/", 1)[1]
        if data := json.loads(aws_managed_policies_data).get(name):
            policy = AWSManagedPolicy.from_data(name, where.account_id, where.region, data)
            backend.managed_policies[policy.arn] = policy
            backend.aws_managed_policies.append(policy)
    backend.attach_role_policy(arn, role_name)


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document, default=str)


def _managed(properties: Properties) -> list[str]:
    return list(properties.get("ManagedPolicyArns") or [])


def _inline(properties: Properties) -> dict[str, str]:
    return {policy["PolicyName"]: _text(policy["PolicyDocument"]) for policy in properties.get("Policies") or []}


def _role_created(where: Where, role: Any, properties: Properties) -> None:
    for arn in _managed(properties):
        _attach(where, arn, role.name)
    for name, document in _inline(properties).items():  # moto keeps an object there, where its readers want a text
        role.put_policy(name, document)


def _role_updated(where: Where, role: Any, old: Properties, new: Properties) -> None:
    backend = _backend(where)
    backend.update_assume_role_policy(role.name, _text(new["AssumeRolePolicyDocument"]))
    backend.update_role(role.name, new.get("Description", ""), new.get("MaxSessionDuration", DEFAULT_SESSION_S))
    for arn in set(_managed(old)) - set(_managed(new)):
        backend.detach_role_policy(arn, role.name)
    for arn in set(_managed(new)) - set(_managed(old)):
        _attach(where, arn, role.name)
    for name in set(_inline(old)) - set(_inline(new)):
        role.delete_policy(name)
    for name, document in _inline(new).items():
        role.put_policy(name, document)


def _role_deleted(where: Where, role: Any, properties: Properties) -> None:
    for policy in list(role.managed_policies.values()):
        if policy.arn in _managed(properties):
            policy.detach_from(role)
    type(role).delete_from_cloudformation_json(role.name, {}, where.account_id, where.region)


def _policy_updated(where: Where, policy: Any, old: Properties, new: Properties) -> None:
    backend = _backend(where)
    document = _text(new["PolicyDocument"])
    if document != _text(old["PolicyDocument"]):
        policy.versions = [version for version in policy.versions if version.is_default]  # IAM keeps five at most
        backend.create_policy_version(policy.arn, document, True)
    for key, kind in HOLDERS:
        before, after = set(old.get(key) or []), set(new.get(key) or [])
        for name in before - after:
            getattr(backend, f"detach_{kind}_policy")(policy.arn, name)
        for name in after - before:
            getattr(backend, f"attach_{kind}_policy")(policy.arn, name)


def _policy_deleted(where: Where, policy: Any, properties: Properties) -> None:
    backend = _backend(where)
    for key, kind in HOLDERS:
        for name in properties.get(key) or []:
            getattr(backend, f"detach_{kind}_policy")(policy.arn, name)
    backend.delete_policy(policy.arn)


MENDS = {
    "AWS::IAM::ManagedPolicy": Mend(updated=_policy_updated, deleted=_policy_deleted),
    "AWS::IAM::Role": Mend(created=_role_created, updated=_role_updated, deleted=_role_deleted),
}
