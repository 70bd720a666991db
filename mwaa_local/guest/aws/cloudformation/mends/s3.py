"""S3: a bucket's versioning, public access block and ownership out of its template, its policy, and AWS's refusal to
delete a bucket that is not empty.
"""

from __future__ import annotations

import json
from typing import Any

from moto.core.common_models import CloudFormationModel  # type: ignore[import-not-found]
from moto.s3.models import s3_backends  # type: ignore[import-not-found]

from . import Mend, Properties, Where


class BucketNotEmpty(Exception):
    """S3's own words."""

    def __init__(self) -> None:
        super().__init__("The bucket you tried to delete is not empty. You must delete all versions in the bucket.")


class BucketPolicy(CloudFormationModel):  # type: ignore[misc]
    """`AWS::S3::BucketPolicy`, which moto does not have."""

    def __init__(self, bucket_name: str) -> None:
        self.bucket_name = bucket_name
        self.remark = ""  # for the event

    @property
    def physical_resource_id(self) -> str:
        return self.bucket_name

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::S3::BucketPolicy"

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @classmethod
    def has_cfn_attr(cls, _attribute: str) -> bool:
        return False

    @classmethod
    def create_from_cloudformation_json(
        cls, _name: str, resource: Any, _account_id: str, _region: str, **_more: Any
    ) -> BucketPolicy:
        return cls(resource["Properties"]["Bucket"])

    def is_created(self) -> bool:
        return True


def _backend(where: Where) -> Any:
    return s3_backends[where.account_id][where.partition]


def _bucket_created(where: Where, bucket: Any, properties: Properties) -> None:
    _configured(where, bucket, {}, properties)


def _configured(where: Where, bucket: Any, old: Properties, new: Properties) -> None:
    backend, name = _backend(where), bucket.name
    if status := (new.get("VersioningConfiguration") or {}).get("Status"):
        backend.put_bucket_versioning(name, status)
    elif "VersioningConfiguration" in old:
        backend.put_bucket_versioning(name, "Suspended")
    if block := new.get("PublicAccessBlockConfiguration"):
        backend.put_public_access_block(name, {key: str(value).lower() for key, value in block.items()})
    elif "PublicAccessBlockConfiguration" in old:
        backend.delete_public_access_block(name)


def _bucket_updated(where: Where, bucket: Any, old: Properties, new: Properties) -> None:
    type(bucket).update_from_cloudformation_json(
        original_resource=bucket,
        new_resource_name=bucket.name,
        cloudformation_json={"Properties": {**new, "BucketName": bucket.name}},
        account_id=where.account_id,
        region_name=where.region,
    )
    _configured(where, bucket, old, new)


def _bucket_deleted(where: Where, bucket: Any, _properties: Properties) -> None:
    if list(dict.items(bucket.keys)):  # deleted objects have versions left, which a look at the newest does not show
        raise BucketNotEmpty
    _backend(where).delete_bucket(bucket.name)


def _policy_put(where: Where, policy: Any, properties: Properties) -> None:
    """Put the policy, unless moto would get it wrong: it enforces policies, but takes every condition for true.

    CDK's own bucket is closed to plain HTTP by such a condition; with it, nobody could write there.
    """
    document = properties["PolicyDocument"]
    statements = document.get("Statement") or []
    statements = statements if isinstance(statements, list) else [statements]
    if any("Condition" in statement for statement in statements):
        policy.remark = "not put, since the local AWS does not look at the conditions in it"
        _backend(where).delete_bucket_policy(policy.bucket_name)
        return
    policy.remark = ""
    _backend(where).put_bucket_policy(policy.bucket_name, json.dumps(document, default=str).encode())


MENDS = {
    "AWS::S3::Bucket": Mend(created=_bucket_created, updated=_bucket_updated, deleted=_bucket_deleted),
    "AWS::S3::BucketPolicy": Mend(
        created=_policy_put,
        updated=lambda where, policy, _old, new: _policy_put(where, policy, new),
        deleted=lambda where, policy, _: _backend(where).delete_bucket_policy(policy.bucket_name),
    ),
}
