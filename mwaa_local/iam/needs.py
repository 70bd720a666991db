"""What a call needs of IAM: which actions, on which resources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from .actions import PASSED_ROLES, VERSION_ACTIONS, actions_of, prefix_of
from .calls import Call, Need
from .resources import EVERYTHING, arn_of, bucket_arn, resources_of

PASS_ROLE = "iam:PassRole"
COPY_SOURCE = "CopySource"
# One request names up to 1,000 objects, of which S3 decides each by itself.
DELETE_OBJECTS, OBJECTS = "DeleteObjects", "Objects"
DELETE_OBJECT, DELETE_VERSION = "s3:DeleteObject", "s3:DeleteObjectVersion"
# Members of one item of DynamoDB's transactions -> the action each needs.
ITEM_ACTIONS = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Delete": "dynamodb:DeleteItem",
    "Get": "dynamodb:GetItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
}
# Operations of PartiQL -> the parameter with their statements; "" for one that is a statement itself.
STATEMENTS = {"BatchExecuteStatement": "Statements", "ExecuteStatement": "", "ExecuteTransaction": "TransactStatements"}
# PartiQL's first word -> its action.
STATEMENT_ACTIONS = {
    "DELETE": "dynamodb:PartiQLDelete",
    "INSERT": "dynamodb:PartiQLInsert",
    "SELECT": "dynamodb:PartiQLSelect",
    "UPDATE": "dynamodb:PartiQLUpdate",
}


def needs_of(call: Call) -> list[Need]:
    """Return what a call needs, without repetition; nothing for one that needs no permission."""
    return list(dict.fromkeys(_needs(call)))


def _needs(call: Call) -> Iterator[Need]:
    prefix = prefix_of(call.signing_name)
    if not call.operation:
        return
    if prefix == "dynamodb" and call.operation in ("TransactWriteItems", "TransactGetItems"):
        yield from _of_transaction(call)
        return
    if prefix == "dynamodb" and call.operation in STATEMENTS:
        yield from _of_statements(call, STATEMENTS[call.operation])
        return
    if prefix == "secretsmanager" and call.operation == "BatchGetSecretValue":
        yield from _of_secrets(call)
        return
    if prefix == "s3" and call.operation == DELETE_OBJECTS:
        yield from _of_deletions(call)
        return
    resources = resources_of(call, prefix)
    actions = actions_of(prefix, call.operation)
    if prefix == "s3" and call.parameters.get("versionId"):
        actions = VERSION_ACTIONS.get(call.operation, actions)
    for action in actions:
        yield from (Need(action, resource) for resource in resources)
    if prefix == "s3" and call.operation in ("CopyObject", "UploadPartCopy"):
        yield _of_copy_source(call)
    yield from _passed_roles(call, f"{prefix}:{call.operation}")


def _of_deletions(call: Call) -> Iterator[Need]:
    if not call.has_parameters:
        yield Need(DELETE_OBJECT)
    for one in call.parameters.get(OBJECTS, ()):
        yield need_of_deletion(call, one)


def need_of_deletion(call: Call, one: Mapping[str, str]) -> Need:
    """Return what it needs to delete one object of those that DeleteObjects names."""
    action = DELETE_VERSION if one.get("VersionId") else DELETE_OBJECT
    return Need(action, bucket_arn(call, f"{call.parameters.get('Bucket', '')}/{one.get('Key', '')}"))


def _of_copy_source(call: Call) -> Need:
    source = call.parameters.get(COPY_SOURCE)
    if not isinstance(source, str):
        return Need("s3:GetObject")
    name, _, version = source.lstrip("/").partition("?versionId=")
    return Need("s3:GetObjectVersion" if version else "s3:GetObject", bucket_arn(call, unquote(name)))


def _of_transaction(call: Call) -> Iterator[Need]:
    items = call.parameters.get("TransactItems")
    if not isinstance(items, list):
        names = ("Get",) if call.operation == "TransactGetItems" else ("Put", "Update", "Delete", "ConditionCheck")
        yield from (Need(ITEM_ACTIONS[name]) for name in names)
        return
    for item in items:
        for name, value in item.items() if isinstance(item, dict) else ():
            if name in ITEM_ACTIONS and isinstance(value, dict):
                yield Need(ITEM_ACTIONS[name], arn_of(call, "dynamodb", "table/{}", value.get("TableName")))


def _of_statements(call: Call, parameter: str) -> Iterator[Need]:
    many = call.parameters.get(parameter) if parameter else [call.parameters]
    for one in many if isinstance(many, list) and many else [{}]:
        words = str(one.get("Statement", "")).split(None, 1) if isinstance(one, Mapping) else []
        yield Need(STATEMENT_ACTIONS.get(words[0].upper() if words else "", STATEMENT_ACTIONS["SELECT"]))


def _of_secrets(call: Call) -> Iterator[Need]:
    """Yield what many secrets at once need: each its own, and a list where a filter chooses them."""
    yield Need("secretsmanager:BatchGetSecretValue", EVERYTHING)
    if call.parameters.get("SecretIdList"):
        yield from (
            Need("secretsmanager:GetSecretValue", resource) for resource in resources_of(call, call.signing_name)
        )
        return
    yield Need("secretsmanager:GetSecretValue")
    if call.parameters.get("Filters"):
        yield Need("secretsmanager:ListSecrets", EVERYTHING)


def _passed_roles(call: Call, name: str) -> Iterator[Need]:
    for path in PASSED_ROLES.get(name, ()):
        value = _at(call.parameters, path.split("."))
        if isinstance(value, str) and value:
            yield Need(PASS_ROLE, arn_of(call, "iam", "role/{}", value))
        elif not call.has_parameters and path == PASSED_ROLES[name][0]:
            yield Need(PASS_ROLE)


def _at(value: Any, path: list[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
