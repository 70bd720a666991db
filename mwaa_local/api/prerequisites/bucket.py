"""The source bucket: versioned, and closed to the public (MWAA user guide, "Create an Amazon S3 bucket for MWAA")."""

from __future__ import annotations

from mwaa_local.api.aws_query import Absent, Aws
from mwaa_local.sync.public_access import is_closed

BUCKET_ARN_PREFIX = ":s3:::"
# The service's words, from a public report of 2021.
NOT_BLOCKED = "Invalid request provided: Provided bucket does not have BlockPublicAccess set for s3 bucket {name}"
NOT_VERSIONED = (
    "versioning of the source bucket {name} is not enabled;"
    " aws s3api put-bucket-versioning --bucket {name} --versioning-configuration Status=Enabled"
)


def bucket_name(arn: str) -> str:
    return arn.partition(BUCKET_ARN_PREFIX)[2]


def refusal_of_bucket(aws: Aws, arn: str) -> tuple[str, bool] | None:
    """Return what speaks against the bucket and whether the words are ours; None where nothing does.

    A bucket that is not there is not judged: who copies from it tells of that. Raises NoAnswer.
    """
    name = bucket_name(arn)
    try:
        is_versioned = aws.bucket(name, "versioning").get("Status") == "Enabled"
    except Absent:
        return None
    if not _is_closed(aws, name):
        return NOT_BLOCKED.format(name=name), False
    if not is_versioned:
        return NOT_VERSIONED.format(name=name), True
    return None


def _is_closed(aws: Aws, name: str) -> bool:
    try:
        return is_closed(aws.bucket(name, "publicAccessBlock"), aws.endpoint_url)
    except Absent:
        return is_closed(None, aws.endpoint_url)
