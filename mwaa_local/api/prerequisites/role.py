"""The execution role: who may assume it, and what it grants (MWAA user guide, "Amazon MWAA execution role")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mwaa_local.api.aws_query import Absent, Aws
from mwaa_local.api.iam.execution_role import read_role
from mwaa_local.api.prerequisites.bucket import bucket_name
from mwaa_local.iam.policies import is_granted, trusts

SERVICE = "airflow-env.amazonaws.com"
# The service's words, from public reports of 2023 and 2021.
NOT_ASSUMABLE = (
    "Failed to assume role {arn}. This could be due to the role's trust policy."
    f" Please ensure your role is assumable by '{SERVICE}' Service Principal and try again."
)
NOT_READABLE = "Invalid request provided: Provided role does not have sufficient permissions for s3 location {place}"
# Actions that the guide's policy grants, and on what. `queue`, `logs`, `key`: see _resources.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "logs": (
        "logs:CreateLogStream",
        "logs:CreateLogGroup",
        "logs:PutLogEvents",
        "logs:GetLogEvents",
        "logs:GetLogRecord",
        "logs:GetLogGroupFields",
        "logs:GetQueryResults",
    ),
    "any": ("logs:DescribeLogGroups", "s3:GetAccountPublicAccessBlock", "cloudwatch:PutMetricData"),
    "queue": (
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
    ),
    "key": ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", "kms:Encrypt"),
}
SERVICE_ACCOUNT = "000000000001"  # MWAA's own, in which queue and default key are; which one does not matter


def refusal_of_role(aws: Aws, members: Mapping[str, Any]) -> str | None:
    """Return what MWAA answers a call with this role; None where it takes it, or IAM does not know it.

    Raises NoAnswer.
    """
    arn = str(members.get("ExecutionRoleArn") or "")
    try:
        trust, granted = read_role(aws, arn)
    except Absent:
        return None
    if not trusts(trust, SERVICE):
        return NOT_ASSUMABLE.format(arn=arn)
    bucket, path = str(members.get("SourceBucketArn") or ""), str(members.get("DagS3Path", "")).strip("/")
    if not bucket:
        return None
    reads = is_granted(granted, "s3:GetObject", f"{bucket}/{path}/x".replace("//", "/"))
    if not (reads and is_granted(granted, "s3:ListBucket", bucket)):
        return NOT_READABLE.format(place=f"{bucket_name(bucket)}/{path}")
    return None


def missing_actions(aws: Aws, members: Mapping[str, Any]) -> list[str]:
    """Return the actions that an environment needs and its role does not grant. Raises NoAnswer."""
    arn = str(members.get("ExecutionRoleArn") or "")
    try:
        _trust, granted = read_role(aws, arn)
    except Absent:
        return []
    resources = _resources(arn, aws.region, members)
    return [
        action
        for subject, actions in NEEDED.items()
        for action in actions
        if not is_granted(granted, action, resources[subject])
    ]


def _resources(role_arn: str, region: str, members: Mapping[str, Any]) -> dict[str, str]:
    account = role_arn.split(":")[4]
    key = str(members.get("KmsKey") or f"arn:aws:kms:{region}:{SERVICE_ACCOUNT}:key/default")
    if not key.startswith("arn:"):
        key = f"arn:aws:kms:{region}:{account}:key/{key.removeprefix('key/')}"
    group = f"airflow-{members.get('Name')}-Task"
    return {
        "any": "*",
        "key": key,
        "logs": f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:x",
        "queue": f"arn:aws:sqs:{region}:{SERVICE_ACCOUNT}:airflow-celery-x",
    }
