"""Whether a source bucket is closed to the public, as MWAA wants it: one rule for API, sync and status."""

from __future__ import annotations

from collections.abc import Mapping

from mwaa_local.sync.own_aws import is_own_aws

BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def is_closed(block: Mapping[str, object] | None, endpoint_url: str) -> bool:
    """Return whether a bucket with that public access block is closed; `block` is None if S3 says there is none.

    A local AWS of ours answers as AWS does, where a bucket has a block until it is deleted. Other stand-ins for AWS
    make buckets without one, so there its absence says nothing, and the bucket counts as new.
    """
    if block is None:
        return not is_own_aws(endpoint_url)
    return all(str(block.get(name, "false")).lower() == "true" for name in BLOCKS)
