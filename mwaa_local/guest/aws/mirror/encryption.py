"""The environment's key as the bucket's default encryption, once it is in the KMS of this AWS."""

from __future__ import annotations

from typing import Any

GIVEN = "mwaa_local_key"  # at a bucket: the ARN of the key that it was given, kept with it


def key_arn(named: str, account: str, region: str) -> str:
    """Return the ARN of a key by its id or ARN; "" where it is not in that account and region."""
    from moto.kms.models import kms_backends  # type: ignore[import-not-found]

    key = kms_backends[account][region].keys.get(named.rpartition("/")[2])
    arn = str(key.arn) if key is not None else ""
    return arn if not named.startswith("arn:") or named == arn else ""


def encrypt(backend: Any, name: str, arn: str) -> bool:
    """Give a bucket a key unless it was given it before: what its user sets later stays. Return whether it did."""
    bucket = backend.buckets[name]
    if getattr(bucket, GIVEN, "") == arn:
        return False
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}
    backend.put_bucket_encryption(name, {"Rule": {"ApplyServerSideEncryptionByDefault": default}})
    setattr(bucket, GIVEN, arn)
    return True
