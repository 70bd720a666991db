"""What the local AWS holds is there again after it ended, however it ended; asked by botocore, of real processes."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.integration.aws_contents import ACCOUNT, BUCKET, LARGE, LOOKS, fill, stack_resources
from tests.integration.aws_endpoint import REGION, Endpoint, endpoint
from tests.integration.aws_kept import Kept, kill, stop
from tests.integration.stacks import TRUST, Stacks, resource

pytestmark = pytest.mark.network  # moto's packages, once
PART = b"p" * (5 << 20)  # the least that S3 takes for a part that is not the last


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


@dataclass
class Restarted:
    """An AWS that was filled, stopped and started again. `before` is what it said, by look, and notes for tests."""

    aws: Endpoint
    kept: Kept
    before: dict[str, Any]


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restarted]:
    kept, before = Kept(tmp_path_factory.mktemp("kept")), {}
    with kept.running() as aws:
        fill(aws)
        before = {name: look(aws) for name, look in LOOKS.items()}
        before["received"] = _receive_one_of_two(aws)
        before["upload"] = aws.client("s3").create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
        before["part"] = aws.client("s3").upload_part(
            Bucket=BUCKET, Key="parts", UploadId=before["upload"], PartNumber=1, Body=PART
        )["ETag"]
        kms = aws.client("kms")
        before["encrypted"] = kms.encrypt(KeyId="alias/kept", Plaintext=b"hidden")["CiphertextBlob"]
        signing = {"KeyId": "alias/signing", "Message": b"text", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
        before["signature"] = kms.sign(**signing)["Signature"]
        assert stop(aws) == 0, kept.log
    with kept.running() as aws:
        yield Restarted(aws, kept, before)


def _queue(aws: Endpoint, name: str) -> str:
    return str(aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def _receive_one_of_two(aws: Endpoint) -> str:
    """Send two messages, receive one and return its handle: it is in flight."""
    sqs, queue = aws.client("sqs"), _queue(aws, "kept-queue")
    sqs.send_message(QueueUrl=queue, MessageBody="in flight")
    handle = str(sqs.receive_message(QueueUrl=queue)["Messages"][0]["ReceiptHandle"])
    sqs.send_message(QueueUrl=queue, MessageBody="waiting")
    return handle


@pytest.mark.parametrize("name", LOOKS)
def test_everything_is_as_it_was(name: str, restarted: Restarted) -> None:
    now = LOOKS[name](restarted.aws)
    assert now
    assert now == restarted.before[name]


def test_nothing_is_lacking_and_nothing_is_remarked(restarted: Restarted) -> None:
    assert restarted.kept.remarks() == []


def test_a_message_in_flight_stays_hidden_and_can_be_deleted(restarted: Restarted) -> None:
    sqs, queue = restarted.aws.client("sqs"), _queue(restarted.aws, "kept-queue")
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in received] == ["waiting"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=restarted.before["received"])
    numbers = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessagesNotVisible"])
    assert numbers["Attributes"] == {"ApproximateNumberOfMessagesNotVisible": "1"}


def test_a_topic_still_delivers_to_its_queue(restarted: Restarted) -> None:
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:kept-topic"
    restarted.aws.client("sns").publish(TopicArn=topic, Message="after the restart")
    received = restarted.aws.client("sqs").receive_message(QueueUrl=_queue(restarted.aws, "told"))["Messages"]
    assert json.loads(received[0]["Body"])["Message"] == "after the restart"


def test_an_upload_in_parts_goes_on(restarted: Restarted) -> None:
    s3, place = restarted.aws.client("s3"), {"Bucket": BUCKET, "Key": "parts"}
    upload = {**place, "UploadId": restarted.before["upload"]}
    second = s3.upload_part(**upload, PartNumber=2, Body=b"end")["ETag"]
    parts = [{"PartNumber": 1, "ETag": restarted.before["part"]}, {"PartNumber": 2, "ETag": second}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(**place)["Body"].read() == PART + b"end"


def test_former_versions_can_be_read_and_a_deleted_object_be_brought_back(restarted: Restarted) -> None:
    s3 = restarted.aws.client("s3")
    versions, markers = restarted.before["versions"]
    bodies = [
        s3.get_object(Bucket=BUCKET, Key="three", VersionId=one["VersionId"])["Body"].read()
        for one in versions
        if one["Key"] == "three"
    ]
    assert bodies == [b"version 2", b"version 1", b"version 0"]
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=BUCKET, Key="gone")
    s3.delete_object(Bucket=BUCKET, Key="gone", VersionId=markers[0]["VersionId"])
    assert s3.get_object(Bucket=BUCKET, Key="gone")["Body"].read() == b"once"


def test_a_bucket_is_still_its_owners_when_it_is_created_once_more(restarted: Restarted) -> None:
    restarted.aws.client("s3").create_bucket(Bucket=BUCKET)
    assert LOOKS["large object"](restarted.aws) == LARGE


def test_keys_decrypt_what_they_encrypted_and_know_their_signatures(restarted: Restarted) -> None:
    kms = restarted.aws.client("kms")
    assert kms.decrypt(CiphertextBlob=restarted.before["encrypted"])["Plaintext"] == b"hidden"
    signed = {"KeyId": "alias/signing", "Message": b"text", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    assert kms.verify(**signed, Signature=restarted.before["signature"])["SignatureValid"]


def test_a_role_can_be_assumed_and_its_policies_changed(restarted: Restarted) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/kept-role"
    found = restarted.aws.client("sts").assume_role(RoleArn=role, RoleSessionName="after")
    assert found["Credentials"]["AccessKeyId"]
    restarted.aws.client("iam").delete_role_policy(RoleName="kept-role", PolicyName="own")
    assert restarted.aws.client("iam").list_role_policies(RoleName="kept-role")["PolicyNames"] == []


def test_a_stack_can_be_changed_and_deleted(restarted: Restarted) -> None:
    stacks = Stacks(restarted.aws)
    ids = stacks.ids("kept-stack")
    stacks.update("kept-stack", stack_resources(Second=resource("SQS::Queue")))
    assert stacks.described("kept-stack")["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.ids("kept-stack").items() >= ids.items()
    assert stacks.delete("kept-stack")["StackStatus"] == "DELETE_COMPLETE"
    ec2 = restarted.aws.client("ec2")
    assert ids["Vpc"] not in [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]]
    with pytest.raises(ClientError, match="404"):
        restarted.aws.client("s3").head_bucket(Bucket=ids["Bucket"])


def test_all_of_it_is_private(restarted: Restarted) -> None:
    found = list(restarted.kept.state.rglob("*"))
    assert len(LARGE) in [path.stat().st_size for path in found]
    modes = {path.stat().st_mode & 0o777 for path in found if path.is_file()}
    assert modes == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (restarted.kept.state, *found) if path.is_dir()} == {0o700}


def test_a_copy_is_written_a_moment_after_a_write_and_none_after_a_read(kept: Kept) -> None:
    with kept.running() as aws:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        kept.wait_for_copy(0)
        before = kept.saved()
        s3.list_buckets()
        aws.client("sts").get_caller_identity()
        aws.client("sqs").list_queues()
        aws.client("ssm").describe_parameters()
        time.sleep(3.0)  # more than it waits after a write
        assert kept.saved() == before
        aws.client("ssm").put_parameter(Name="/a", Value="b", Type="String")
        kept.wait_for_copy(before)
        kill(aws)
    with kept.running() as aws:
        assert aws.client("ssm").get_parameter(Name="/a")["Parameter"]["Value"] == "b"


@pytest.mark.full
def test_killed_while_it_is_written_to_it_comes_back_whole_again_and_again(kept: Kept) -> None:
    """Numbers are written in order: what comes back ends somewhere, and lacks nothing before that."""
    written, kept_before = 0, -1
    for _ in range(3):
        with kept.running() as aws:
            s3, found = aws.client("s3"), _numbers(aws)
            assert found == list(range(len(found)))
            assert len(found) > kept_before
            kept_before, written = len(found) - 1, len(found)
            enough = threading.Event()
            killer = threading.Thread(target=lambda aws=aws, enough=enough: (enough.wait(60), aws.process.kill()))
            killer.start()
            before, began = kept.saved(), time.monotonic()
            try:
                s3.create_bucket(Bucket=BUCKET)
                while time.monotonic() < began + 60:
                    s3.put_object(Bucket=BUCKET, Key=f"{written:06d}", Body=f"{written}".encode() * 5000)
                    written += 1
                    if kept.saved() not in (0, before):
                        enough.set()
            except (BotoCoreError, ClientError, OSError):
                pass  # it was killed
            enough.set()
            killer.join()
            aws.process.wait()
    assert not list(kept.state.glob("aside-*")), kept.log


def _numbers(aws: Endpoint) -> list[int]:
    try:
        found = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        keys = [one["Key"] for page in found for one in page.get("Contents", [])]
    except ClientError:
        return []
    for key in keys[-3:]:
        body = aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert body == f"{int(key)}".encode() * 5000
    return [int(key) for key in keys]


def _filled(kept: Kept) -> Path:
    """Let it keep one parameter; return the copy."""
    with kept.running() as aws:
        aws.client("ssm").put_parameter(Name="/a", Value="b", Type="String")
        stop(aws)
    return kept.state / "kept" / "state"


def test_a_torn_copy_is_set_aside_and_told_of(kept: Kept) -> None:
    why = "it is torn, or was not written by your mwaa-local on this machine"
    copy = _filled(kept)
    copy.write_bytes(copy.read_bytes()[:-100])
    with kept.running({"parameters": [{"Name": "/seeded", "Value": "1", "Type": "String"}]}) as aws:
        with pytest.raises(ClientError, match="ParameterNotFound"):
            aws.client("ssm").get_parameter(Name="/a")
        assert aws.client("ssm").get_parameter(Name="/seeded")["Parameter"]["Value"] == "1"
        (remark,) = kept.remarks()
        (aside,) = kept.state.glob("aside-*")
        assert remark["severity"] == "warning"
        assert remark["what"] == f"the local AWS began anew: what it held is in .mwaa-local/aws/{aside.name}"
        assert why in remark["why"]
        assert why in kept.log
        assert os.path.lexists(aside / "state")
        assert stop(aws) == 0
    with kept.running() as aws:
        assert aws.client("ssm").get_parameter(Name="/seeded")["Parameter"]["Value"] == "1"
        assert kept.remarks() == []


def test_fixtures_fill_in_what_is_absent_and_leave_the_rest(kept: Kept) -> None:
    folder = kept.folder / "fixtures"
    folder.mkdir()
    (folder / "a").write_text("as it came")
    fixtures = {
        "folder": str(folder),
        "buckets": [BUCKET],
        "objects": [[BUCKET, "a", "a"], [BUCKET, "b", "a"]],
        "secrets": {"kept": "one", "other": "two"},
        "parameters": [{"Name": "/kept", "Value": "1", "Type": "String"}],
    }
    with kept.running(fixtures) as aws:
        s3 = aws.client("s3")
        s3.put_object(Bucket=BUCKET, Key="a", Body=b"changed here")
        s3.delete_object(Bucket=BUCKET, Key="b")
        aws.client("secretsmanager").put_secret_value(SecretId="kept", SecretString="changed here")
        aws.client("ssm").delete_parameter(Name="/kept")
        stop(aws)
    (folder / "a").write_text("changed there")
    fixtures["secrets"] = {"kept": "one", "other": "changed there", "new": "three"}
    with kept.running(fixtures) as aws:
        s3, secrets = aws.client("s3"), aws.client("secretsmanager")
        assert s3.get_object(Bucket=BUCKET, Key="a")["Body"].read() == b"changed here"
        assert s3.get_object(Bucket=BUCKET, Key="b")["Body"].read() == b"changed there"
        values = {name: secrets.get_secret_value(SecretId=name)["SecretString"] for name in fixtures["secrets"]}
        assert values == {"kept": "changed here", "other": "two", "new": "three"}
        assert aws.client("ssm").get_parameter(Name="/kept")["Parameter"]["Value"] == "1"
        assert len(s3.list_object_versions(Bucket=BUCKET, Prefix="a")["Versions"]) == 2  # not put once more
        (remark,) = kept.remarks()
        assert remark["what"] == f"changed in tests/aws/, but not in the local AWS: s3://{BUCKET}/a, secret other"
        assert "reset-aws" in remark["hint"]


def test_emptied_it_holds_the_fixtures_alone_and_keeps_that(kept: Kept) -> None:
    fixtures = {"buckets": [BUCKET], "secrets": {"kept": "one"}}
    with kept.running(fixtures) as aws:
        aws.client("s3").put_object(Bucket=BUCKET, Key="a", Body=LARGE)
        aws.client("secretsmanager").put_secret_value(SecretId="kept", SecretString="two")
        Stacks(aws).create("mine", {"Queue": resource("SQS::Queue")})
        kept.wait_for_copy(0)
        refused = aws.ask("POST", "/_mwaa-local/aws/empty", {"Host": "localhost", "Origin": "https://example.com"})
        assert refused.status == 403
        assert aws.client("secretsmanager").get_secret_value(SecretId="kept")["SecretString"] == "two"
        assert aws.ask("POST", "/_mwaa-local/aws/empty", {"Host": "localhost"}).status == 200
        assert not list((kept.state / "kept" / "bodies").iterdir())
        kill(aws)
    with kept.running() as aws:
        assert "Contents" not in aws.client("s3").list_objects_v2(Bucket=BUCKET)
        assert aws.client("secretsmanager").get_secret_value(SecretId="kept")["SecretString"] == "one"
        assert aws.client("cloudformation").list_stacks()["StackSummaries"] == []
        assert "QueueUrls" not in aws.client("sqs").list_queues()


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    with endpoint(tmp_path) as aws:
        aws.client("s3").create_bucket(Bucket=BUCKET)
        assert stop(aws) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"aws.json", "aws.log"}


def test_what_cannot_be_written_down_is_named_and_the_rest_is_kept(kept: Kept) -> None:
    """A job of Batch is a thread of moto's."""
    with kept.running() as aws:
        aws.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument=json.dumps(TRUST))
        batch = aws.client("batch")
        place = batch.create_compute_environment(
            computeEnvironmentName="place", type="UNMANAGED", serviceRole=f"arn:aws:iam::{ACCOUNT}:role/any"
        )["computeEnvironmentArn"]
        order = [{"order": 1, "computeEnvironment": place}]
        queue = batch.create_job_queue(jobQueueName="queue", state="ENABLED", priority=1, computeEnvironmentOrder=order)
        container = {"image": "busybox", "vcpus": 1, "memory": 128, "command": ["true"]}
        job = batch.register_job_definition(jobDefinitionName="job", type="container", containerProperties=container)[
            "jobDefinitionArn"
        ]
        batch.submit_job(jobName="one", jobQueue=queue["jobQueueArn"], jobDefinition=job)
        aws.client("s3").create_bucket(Bucket=BUCKET)
        assert stop(aws) == 0
        (remark,) = kept.remarks()
        assert remark["what"] == "what batch holds is not kept: it goes with the next stop"
    with kept.running() as aws:
        aws.client("s3").head_bucket(Bucket=BUCKET)
        assert aws.client("batch").describe_job_queues()["jobQueues"] == []
