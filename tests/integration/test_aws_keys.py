"""The environment's KMS key: held to what MWAA needs of it, and the key of the mirrored bucket and of log groups."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.prerequisites.checks import look, refuse
from mwaa_local.logs.shipping.service import LogService
from tests.environments import wait_until
from tests.integration.aws_endpoint import REGION, Endpoint, endpoint
from tests.integration.mwaa_service import MwaaService, mwaa_service
from tests.integration.test_aws_mirror import BUCKET, project_in, source_of, write
from tests.unit.api.serving import add, served

pytestmark = pytest.mark.network  # moto's packages, once
NAME = "keys"
ACCOUNT = "000000000000"
NOWHERE = "11111111-2222-3333-4444-555555555555"
OF_LOGS = {
    "Effect": "Allow",
    "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
    "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
    "Resource": "*",
    "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:*"}},
}
OF_ACCOUNT = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "kms:*",
    "Resource": "*",
}


def arn_of(key: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:kms:{region}:{account}:key/{key}"


def make_key(aws: Endpoint, **more: Any) -> str:
    """Make a key that is as MWAA wants it but for `more`; return its id."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": [OF_ACCOUNT, OF_LOGS]})
    return str(aws.client("kms").create_key(**{"Policy": policy, **more})["KeyMetadata"]["KeyId"])


def make_bucket(aws: Endpoint, name: str, key: str | None = None, algorithm: str = "aws:kms") -> str:
    """Make a source bucket, with a default encryption unless the key is None; return its ARN."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    if key is not None:
        default = {"SSEAlgorithm": algorithm, **({"KMSMasterKeyID": key} if key else {})}
        rules = [{"ApplyServerSideEncryptionByDefault": default}]
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
    return f"arn:aws:s3:::{name}"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MwaaService]:
    with mwaa_service(tmp_path_factory.mktemp("keys")) as started:
        yield started


@pytest.fixture
def aws(service: MwaaService) -> Endpoint:
    return service.aws


@pytest.fixture
def bucket(request: pytest.FixtureRequest, aws: Endpoint) -> str:
    """The ARN of a bucket of each test's own."""
    return make_bucket(aws, f"source-{abs(hash(request.node.name)) % 10**8}")


def create(service: MwaaService, members: dict[str, str]) -> None:
    """Ask for an environment in a network in which none comes up, so that none is started."""
    ec2 = service.aws.client("ec2")
    group = ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]["GroupId"]
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"][:2]]
    service.mwaa.create_environment(
        Name=NAME,
        ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/execution",
        DagS3Path="dags",
        NetworkConfiguration={"SubnetIds": subnets, "SecurityGroupIds": [group]},
        **members,
    )


def refused(service: MwaaService, **members: str) -> str:
    """Return why CreateEnvironment refuses a key or a bucket."""
    with pytest.raises(ClientError) as caught:
        create(service, members)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return str(caught.value.response["Error"]["Message"])


def taken(service: MwaaService, **members: str) -> list[str]:
    """Have CreateEnvironment take a key and a bucket; return the environment's events."""
    create(service, members)

    def status() -> str:
        return str(service.mwaa.get_environment(Name=NAME)["Environment"]["Status"])

    wait_until(lambda: status() == "CREATE_FAILED", 60, "the environment has failed")
    events = service.events(NAME)
    service.mwaa.delete_environment(Name=NAME)
    wait_until(lambda: not service.mwaa.list_environments()["Environments"], 60, "it is gone")
    return events


def test_key_as_mwaa_wants_it_is_taken_by_id_and_by_arn(service: MwaaService, aws: Endpoint, bucket: str) -> None:
    key = make_key(aws)
    for named in (key, arn_of(key)):
        assert not [event for event in taken(service, KmsKey=named, SourceBucketArn=bucket) if "KMS" in event]


@pytest.mark.parametrize(("spec", "usage"), [("RSA_2048", "ENCRYPT_DECRYPT"), ("HMAC_256", "GENERATE_VERIFY_MAC")])
def test_key_that_is_not_symmetric_is_refused(
    service: MwaaService, aws: Endpoint, bucket: str, spec: str, usage: str
) -> None:
    key = make_key(aws, KeySpec=spec, KeyUsage=usage)
    assert "KmsKey must be a symmetric key" in refused(service, KmsKey=key, SourceBucketArn=bucket)


def test_key_that_is_not_enabled_is_refused(service: MwaaService, aws: Endpoint, bucket: str) -> None:
    kms = aws.client("kms")
    off, going = make_key(aws), make_key(aws)
    kms.disable_key(KeyId=off)
    kms.schedule_key_deletion(KeyId=going)
    assert refused(service, KmsKey=off, SourceBucketArn=bucket).endswith(f"the state of {arn_of(off)} is Disabled")
    assert refused(service, KmsKey=arn_of(going), SourceBucketArn=bucket).endswith("is PendingDeletion")


def test_key_of_this_account_that_is_not_there_or_elsewhere_is_refused(
    service: MwaaService, aws: Endpoint, bucket: str
) -> None:
    there = arn_of(make_key(aws), region="eu-west-1")
    assert "names a key that does not exist" in refused(service, KmsKey=arn_of(NOWHERE), SourceBucketArn=bucket)
    assert "is a key of eu-west-1; it must be" in refused(service, KmsKey=there, SourceBucketArn=bucket)


@pytest.mark.parametrize("named", [NOWHERE, arn_of(NOWHERE, account="123456789012")])
def test_key_that_may_be_of_another_aws_is_not_judged_and_an_event_says_so(
    service: MwaaService, bucket: str, named: str
) -> None:
    events = taken(service, KmsKey=named, SourceBucketArn=bucket)
    assert f"the KMS key {named} is not in the local AWS, and was not checked" in events


def test_key_that_logs_may_not_use_is_remarked(aws: Endpoint) -> None:
    def said(*policy: dict[str, Any]) -> list[str]:
        text = json.dumps({"Version": "2012-10-17", "Statement": policy})
        return [each.what for each in look({"KmsKey": make_key(aws, Policy=text)}, aws.url, REGION).remarks]

    assert said(OF_ACCOUNT, OF_LOGS) == []
    assert said(OF_ACCOUNT, {**OF_LOGS, "Principal": "*"}) == []
    for lacking in (said(OF_ACCOUNT), said(OF_ACCOUNT, {**OF_LOGS, "Action": "kms:Decrypt"})):
        assert f"does not let logs.{REGION}.amazonaws.com use it" in lacking[0]


def test_bucket_that_is_encrypted_must_have_the_key_of_the_environment(service: MwaaService, aws: Endpoint) -> None:
    key, other = make_key(aws), make_key(aws)
    aws.client("kms").create_alias(AliasName="alias/of-bucket", TargetKeyId=key)
    by_arn, by_alias = make_bucket(aws, "by-arn", arn_of(key)), make_bucket(aws, "by-alias", "alias/of-bucket")
    assert taken(service, KmsKey=key, SourceBucketArn=by_arn)
    for arn in (by_arn, by_alias):
        said = refused(service, KmsKey=other, SourceBucketArn=arn)
        assert f"is encrypted with {arn_of(key)}: KmsKey must be the same key" in said
        assert said.endswith(f"the environment has {other}")
    assert refused(service, SourceBucketArn=by_alias).endswith("the environment has none")


def test_update_to_a_bucket_with_another_key_is_refused(tmp_path: Path, aws: Endpoint) -> None:
    key, other = make_key(aws), make_key(aws)
    mine, others = make_bucket(aws, "updated-mine", key), make_bucket(aws, "updated-others", other)
    add(tmp_path, "updated", KmsKey=key, SourceBucketArn=mine)
    registry = Registry(tmp_path, {**os.environ, "AWS_ENDPOINT_URL": aws.url, "AWS_REGION": REGION})
    with served(registry) as api, pytest.raises(ClientError, match="KmsKey must be the same key"):
        api.client().update_environment(Name="updated", SourceBucketArn=others)


@pytest.mark.parametrize(
    ("name", "key", "algorithm"),
    [("plain", "", "AES256"), ("of-s3", "", "aws:kms"), ("elsewhere", arn_of(NOWHERE, account="1" * 12), "aws:kms")],
)
def test_bucket_with_a_key_that_is_no_ones_here_is_taken(aws: Endpoint, name: str, key: str, algorithm: str) -> None:
    refuse({"SourceBucketArn": make_bucket(aws, f"taken-{name}", key, algorithm)}, aws.url, REGION)


def test_mirrored_bucket_gets_the_key_once_it_is_there_and_keeps_what_its_user_sets(tmp_path: Path) -> None:
    folder, state = project_in(tmp_path), tmp_path / "kept"
    with endpoint(tmp_path, state=state) as aws:
        key = make_key(aws)
        aws.client("s3").list_buckets()
        aws.process.terminate()
        aws.process.wait()
    with endpoint(tmp_path, state=state, source={**source_of(folder), "key": key}) as aws:
        s3 = aws.client("s3")
        assert encryption(s3) == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn_of(key)}
        assert s3.head_object(Bucket=BUCKET, Key="dags/a.py")["SSEKMSKeyId"] == arn_of(key)
        assert s3.get_object(Bucket=BUCKET, Key="dags/a.py")["Body"].read() == b"a"
        own = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
        s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration=own)
        write(folder, {"dags/new.py": "new"})
        wait_until(lambda: "dags/new.py" in [one["Key"] for one in listed(s3)], 10, "the next look")
        assert encryption(s3) == {"SSEAlgorithm": "AES256"}
        aws.process.terminate()
        aws.process.wait()
    with endpoint(tmp_path, state=state, source={**source_of(folder), "key": key}) as aws:
        assert encryption(aws.client("s3")) == {"SSEAlgorithm": "AES256"}


@pytest.mark.parametrize("account", ["123456789012", ACCOUNT])
def test_mirrored_bucket_is_without_a_key_that_is_not_there(tmp_path: Path, account: str) -> None:
    source = {**source_of(project_in(tmp_path)), "key": arn_of(NOWHERE, account=account)}
    with endpoint(tmp_path, source=source) as aws:
        s3 = aws.client("s3")
        assert "dags/a.py" in [one["Key"] for one in listed(s3)]
        with pytest.raises(ClientError, match="ServerSideEncryptionConfigurationNotFoundError"):
            encryption(s3)


def test_log_groups_have_the_key_where_it_is_there(aws: Endpoint) -> None:
    key = make_key(aws)
    for group, named in {"by-id": key, "by-arn": arn_of(key), "absent": NOWHERE, "none": ""}.items():
        log_service = LogService(aws.url, REGION, named)
        log_service.make_stream(f"airflow-{group}", "one")
        log_service.close()
    found = aws.client("logs").describe_log_groups(logGroupNamePrefix="airflow-")["logGroups"]
    keys = {one["logGroupName"].removeprefix("airflow-"): one.get("kmsKeyId") for one in found}
    assert keys == {"by-id": arn_of(key), "by-arn": arn_of(key), "absent": None, "none": None}


def encryption(s3: Any) -> dict[str, str]:
    found = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    return dict(found[0]["ApplyServerSideEncryptionByDefault"])


def listed(s3: Any) -> list[dict[str, Any]]:
    return list(s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()))
