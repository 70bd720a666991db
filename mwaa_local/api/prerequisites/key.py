"""The KMS key, by itself and with the source bucket (MWAA user guide, "Using customer managed keys for encryption").

A key that is not in this AWS is not judged, as ids of another account are not: no KMS can be given a key of a chosen
id. MWAA's words for what is refused here are not documented. Multi-Region keys and aliases do not come so far: the
service's model and `http/validation` refuse them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mwaa_local.api.aws_query import Absent, Aws, NoAnswer
from mwaa_local.api.prerequisites.bucket import bucket_name
from mwaa_local.api.prerequisites.network import Fault
from mwaa_local.iam.policies import is_granted, names_service, statements

KEY_ARN_PARTS = 6  # arn:aws:kms:REGION:ACCOUNT:key/ID
ENABLED, SYMMETRIC = "Enabled", "SYMMETRIC_DEFAULT"
OF_CUSTOMER = "CUSTOMER"
KMS_ALGORITHMS = ("aws:kms", "aws:kms:dsse")
# What the key's policy has to let CloudWatch Logs do (same guide).
LOG_ACTIONS = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey")
LOG_HINT = "allow this service kms:Encrypt*, kms:Decrypt*, kms:ReEncrypt*, kms:GenerateDataKey* and kms:Describe*"


@dataclass(frozen=True)
class Key:
    """What KMS tells of a key; "" where it does not."""

    arn: str
    state: str
    spec: str
    manager: str


def read_key(aws: Aws, named: str) -> Key | None:
    """Return the key of an id, an ARN or an alias; None where KMS has none. Raises NoAnswer."""
    try:
        found = aws.kms("DescribeKey", KeyId=named.removeprefix("key/")).get("KeyMetadata")
    except Absent:
        return None
    if not isinstance(found, Mapping) or not found.get("Arn"):
        raise NoAnswer("kms does not tell of a key as AWS does")
    arn = str(found["Arn"])
    if named.startswith("arn:") and ":key/" in named and named != arn:  # moto looks at the id alone
        return None
    state, spec, manager = (str(found.get(f"Key{part}") or "") for part in ("State", "Spec", "Manager"))
    return Key(arn, state, spec, manager)


def refusal_of_key(aws: Aws, members: Mapping[str, Any]) -> str | None:
    """Return why an environment cannot have its key; None where it can, or the key is not one of this AWS.

    Raises NoAnswer.
    """
    named = str(members.get("KmsKey") or "")
    if not named or not _may_be_here(aws, named):
        return None
    is_arn = named.startswith("arn:")
    if is_arn and (region := named.split(":")[3]) != aws.region:
        return f"KmsKey is a key of {region}; it must be one of {aws.region}, the region of environment and bucket"
    key = read_key(aws, named)
    if key is None:
        return f"KmsKey names a key that does not exist: {named}" if is_arn else None
    if key.state not in (ENABLED, ""):
        return f"the key of KmsKey must be enabled; the state of {key.arn} is {key.state}"
    if key.spec not in (SYMMETRIC, ""):
        return f"KmsKey must be a symmetric key; the spec of {key.arn} is {key.spec}"
    return None


def refusal_of_encryption(aws: Aws, members: Mapping[str, Any]) -> str | None:
    """Return how the bucket's default encryption is at odds with the environment's key; None where it is not.

    Only customer managed keys of this AWS are compared. Raises NoAnswer.
    """
    name = bucket_name(str(members.get("SourceBucketArn") or ""))
    named = _key_of_bucket(aws, name) if name else ""
    key = read_key(aws, named) if named else None
    if key is None or key.manager != OF_CUSTOMER:
        return None
    wanted = str(members.get("KmsKey") or "")
    if wanted and wanted.rpartition("/")[2] == key.arn.rpartition("/")[2]:
        return None
    has = f"the environment has {wanted}" if wanted else "the environment has none"
    return f"the source bucket {name} is encrypted with {key.arn}: KmsKey must be the same key, and {has}"


def remarks_on_key(aws: Aws, members: Mapping[str, Any]) -> list[Fault]:
    """Return what is told of a key that keeps no environment from being made. Raises NoAnswer."""
    named = str(members.get("KmsKey") or "")
    if not named:
        return []
    key = read_key(aws, named) if _may_be_here(aws, named) else None
    if key is None:
        return [Fault(f"the KMS key {named} is not in the local AWS, and was not checked")]
    try:
        policy = statements(json.loads(str(aws.kms("GetKeyPolicy", KeyId=key.arn, PolicyName="default")["Policy"])))
    except (Absent, KeyError, ValueError):
        return []
    services = (f"logs.{aws.region}.amazonaws.com", "logs.amazonaws.com")
    about = [each for each in policy if any(names_service(each, service) for service in services)]
    if all(is_granted(about, action, key.arn) for action in LOG_ACTIONS):
        return []
    what = f"the policy of the KMS key {key.arn} does not let {services[0]} use it, which MWAA's logs need"
    return [Fault(what, LOG_HINT)]


def _may_be_here(aws: Aws, named: str) -> bool:
    """Say whether it may be a key of this AWS's account. Raises NoAnswer."""
    parts = named.split(":")
    if len(parts) != KEY_ARN_PARTS:
        return True
    try:
        return parts[4] == aws.sts("GetCallerIdentity").get("Account")
    except Absent as error:
        raise NoAnswer("there is no sts") from error


def _key_of_bucket(aws: Aws, name: str) -> str:
    """Return the key of the bucket's default encryption; "" for SSE-S3, and for the key that AWS has for S3."""
    try:
        found = aws.bucket(name, "encryption")
    except Absent:
        return ""
    rule = found.get("Rule")
    default = rule.get("ApplyServerSideEncryptionByDefault") if isinstance(rule, Mapping) else None
    if not isinstance(default, Mapping) or default.get("SSEAlgorithm") not in KMS_ALGORITHMS:
        return ""
    return str(default.get("KMSMasterKeyID") or "")
