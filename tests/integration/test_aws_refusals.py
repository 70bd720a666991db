"""`EnforceIam`: what the execution role does not grant is refused, so that botocore raises what AWS makes it raise."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import RpcV2CBORParser

from mwaa_local.cli.iam_sources import role_remarks
from mwaa_local.environment.environment import Environment
from mwaa_local.environment.local import LocalSettings
from mwaa_local.iam.ledger import read_all
from mwaa_local.project import Project
from mwaa_local.remarks import WARNING
from mwaa_local.runtime.ports import free_port
from mwaa_local.services.calls import make_calls_dir, note_role
from tests.environments import wait_until
from tests.integration.aws_endpoint import Endpoint, endpoint

pytestmark = pytest.mark.network  # moto's packages, once
ROLE, ACCOUNT = "orders-role", "123456789012"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
TASK_KEY, CHINA_KEY = "task.orders", "task.china"
ENFORCED = {"orders": ROLE_ARN, "china": ROLE_ARN.replace("arn:aws:", "arn:aws-cn:")}
LOCAL = "us-east-1:000000000000"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "airflow-env.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


@pytest.fixture(scope="module")
def calls_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calls")


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, calls_dir: Path) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("aws")
    with endpoint(folder, {"buckets": ["data"]}, calls=calls_dir, enforced=ENFORCED) as started:
        started.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
        yield started


def grant(aws: Endpoint, *statements: dict[str, Any]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    aws.client("iam").put_role_policy(RoleName=ROLE, PolicyName="p", PolicyDocument=document)


@pytest.fixture(autouse=True)
def nothing_granted(aws: Endpoint) -> None:
    with contextlib.suppress(ClientError):
        aws.client("iam").delete_role_policy(RoleName=ROLE, PolicyName="p")


def refusal(aws: Endpoint, service: str, operation: str, **parameters: Any) -> Any:
    with pytest.raises(ClientError) as caught:
        getattr(aws.client(service, key=TASK_KEY), operation)(**parameters)
    return caught.value


CASES: list[tuple[str, str, dict[str, Any], str, int, str]] = [
    ("emr", "add_job_flow_steps", {"JobFlowId": "j-1", "Steps": []}, "AccessDeniedException", 400,
     f"elasticmapreduce:AddJobFlowSteps on resource: arn:aws:elasticmapreduce:{LOCAL}:cluster/j-1"),
    ("s3", "get_object", {"Bucket": "data", "Key": "k"}, "AccessDenied", 403,
     's3:GetObject on resource: "arn:aws:s3:::data/k"'),
    ("sqs", "send_message", {"QueueUrl": "http://localhost/000000000000/q", "MessageBody": "m"}, "AccessDenied", 400,
     f"sqs:SendMessage on resource: arn:aws:sqs:{LOCAL}:q"),
    ("sns", "publish", {"TopicArn": f"arn:aws:sns:{LOCAL}:t", "Message": "m"}, "AuthorizationError", 403,
     f"sns:Publish on resource: arn:aws:sns:{LOCAL}:t"),
    ("lambda", "invoke", {"FunctionName": "f"}, "AccessDeniedException", 403,
     f"lambda:InvokeFunction on resource: arn:aws:lambda:{LOCAL}:function:f"),
    ("secretsmanager", "get_secret_value", {"SecretId": "/airflow/s"}, "AccessDeniedException", 400,
     "secretsmanager:GetSecretValue on resource: /airflow/s"),
    ("dynamodb", "get_item", {"TableName": "t", "Key": {"k": {"S": "1"}}}, "AccessDeniedException", 400,
     f"dynamodb:GetItem on resource: arn:aws:dynamodb:{LOCAL}:table/t"),
    ("cloudwatch", "put_metric_data", {"Namespace": "N", "MetricData": []}, "AccessDenied", 400,
     "cloudwatch:PutMetricData on resource: *"),
    ("ec2", "describe_vpcs", {}, "UnauthorizedOperation", 403, "ec2:DescribeVpcs on resource: *"),
    ("iam", "list_roles", {}, "AccessDenied", 403, "iam:ListRoles on resource: *"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "operation", "parameters", "code", "status", "what"), CASES)
def test_refused_call_raises_what_aws_makes_it_raise(
    aws: Endpoint, service: str, operation: str, parameters: dict[str, Any], code: str, status: int, what: str
) -> None:
    error = refusal(aws, service, operation, **parameters)
    who = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/AmazonMWAA-airflow"
    action = what.partition(" ")[0]
    said = f"{who} is not authorized to perform: {what} because no identity-based policy allows the {action} action"
    assert error.response["Error"]["Message"] == said
    assert error.response["Error"]["Code"] == code
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_refusal_is_of_the_class_that_the_service_models(aws: Endpoint) -> None:
    error = refusal(aws, "stepfunctions", "list_state_machines")
    assert error.response["Error"]["Code"] == "AccessDeniedException"
    glue = aws.client("glue", key=TASK_KEY)
    with pytest.raises(glue.exceptions.AccessDeniedException):
        glue.get_job_run(JobName="j", RunId="r")


def test_head_is_refused_without_a_body(aws: Endpoint) -> None:
    error = refusal(aws, "s3", "head_object", Bucket="data", Key="k")
    assert (error.response["Error"]["Code"], error.response["Error"]["Message"]) == ("403", "Forbidden")


def test_cbor_is_refused_in_cbor(aws: Endpoint) -> None:
    scope = f"{TASK_KEY}/20260101/us-east-1/monitoring/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "smithy-protocol": "rpc-v2-cbor",
        "Content-Type": "application/cbor",
        "Host": "localhost",
    }
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
    connection = http.client.HTTPConnection("127.0.0.1", aws.port, timeout=30)
    connection.request("POST", path, b"\xa0", headers)
    answer = connection.getresponse()
    said = {name.lower(): value for name, value in answer.getheaders()}
    assert (answer.status, said["content-type"]) == (400, "application/cbor")
    parsed = RpcV2CBORParser().parse({"status_code": 400, "headers": said, "body": answer.read()}, None)
    connection.close()
    assert parsed["Error"]["Code"] == "AccessDenied"
    assert "cloudwatch:PutMetricData" in parsed["Error"]["Message"]


def test_what_is_granted_goes_on(aws: Endpoint) -> None:
    grant(
        aws,
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::data/in/*"},
        {"Effect": "Allow", "Action": "sqs:*", "Resource": f"arn:aws:sqs:us-east-1:{ACCOUNT}:mine-*"},
    )
    s3 = aws.client("s3", key=TASK_KEY)
    s3.put_object(Bucket="data", Key="in/a", Body=b"x")
    refusal(aws, "s3", "put_object", Bucket="data", Key="out/a", Body=b"x")
    # Written for the role's account, in which it will count.
    assert aws.client("sqs", key=TASK_KEY).create_queue(QueueName="mine-1")["QueueUrl"]
    assert "sqs:ListQueues on resource: *" in str(refusal(aws, "sqs", "list_queues"))


def test_each_object_of_a_deletion_is_decided_by_itself(aws: Endpoint) -> None:
    grant(aws, {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::data/tmp/*"})
    s3, tasks = aws.client("s3"), aws.client("s3", key=TASK_KEY)

    def delete(*keys: str) -> tuple[set[str], set[str], set[str]]:
        for key in keys:
            s3.put_object(Bucket="data", Key=key, Body=b"x")
        answer = tasks.delete_objects(Bucket="data", Delete={"Objects": [{"Key": key} for key in keys]})
        left = {key for key in keys if s3.list_objects_v2(Bucket="data", Prefix=key)["KeyCount"]}
        errors = answer.get("Errors", [])
        assert all("s3:DeleteObject on resource: " in error["Message"] for error in errors)
        deleted = {each["Key"] for each in answer.get("Deleted", [])}
        return deleted, {error["Key"] for error in errors if error["Code"] == "AccessDenied"}, left

    assert delete("tmp/a & b", "tmp/ü") == ({"tmp/a & b", "tmp/ü"}, set(), set())
    assert delete("tmp/1", "out/1 <x>") == ({"tmp/1"}, {"out/1 <x>"}, {"out/1 <x>"})
    assert delete("out/1", "out/2") == (set(), {"out/1", "out/2"}, {"out/1", "out/2"})
    version = {"Key": "tmp/1", "VersionId": "null"}
    (error,) = tasks.delete_objects(Bucket="data", Delete={"Objects": [version]})["Errors"]
    assert (error["VersionId"], "s3:DeleteObjectVersion" in error["Message"]) == ("null", True)


def test_deny_goes_before_allow(aws: Endpoint) -> None:
    grant(
        aws, {"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "sns:*", "Resource": "*"}
    )
    aws.client("sqs", key=TASK_KEY).list_queues()
    assert "with an explicit deny in an identity-based policy" in str(refusal(aws, "sns", "list_topics"))


def test_conditions_count(aws: Endpoint) -> None:
    there = {"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}
    grant(aws, {**there, "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}})
    refusal(aws, "sqs", "list_queues")
    grant(aws, {**there, "Condition": {"StringEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}}})
    aws.client("sqs", key=TASK_KEY).list_queues()
    grant(aws, {**there, "Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}})  # nobody can tell
    aws.client("sqs", key=TASK_KEY).list_queues()


def test_attached_policy_counts(aws: Endpoint) -> None:
    iam = aws.client("iam")
    statement = {"Effect": "Allow", "Action": "sns:ListTopics", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = iam.create_policy(PolicyName="attached", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=arn)
    aws.client("sns", key=TASK_KEY).list_topics()
    iam.detach_role_policy(RoleName=ROLE, PolicyArn=arn)
    refusal(aws, "sns", "list_topics")


def test_only_the_environments_own_components_are_refused(aws: Endpoint, calls_dir: Path) -> None:
    for key in ("local", "task.another", "AKIA123"):
        aws.client("sns", key=key).list_topics()
    refusal(aws, "sns", "list_topics")
    assert aws.client("sts", key=TASK_KEY).get_caller_identity()["Account"]  # needs no permission, as on AWS

    def refused() -> int:
        return sum(times.refused for each, times in read_all(calls_dir) if each.action == "sns:ListTopics")

    wait_until(refused, 10, "the refusal is noted")


def test_role_of_another_partition_is_found_there(aws: Endpoint) -> None:
    iam = aws.client("iam", region="cn-north-1")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
    statement = {"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=ROLE, PolicyName="p", PolicyDocument=document)
    aws.client("sqs", key=CHINA_KEY, region="cn-north-1").list_queues()
    with pytest.raises(ClientError, match=f"User: arn:aws-cn:sts::{ACCOUNT}:assumed-role/"):
        aws.client("sns", key=CHINA_KEY, region="cn-north-1").list_topics()


def test_environment_that_the_api_made_needs_its_own_role(tmp_path: Path) -> None:
    owner = Project(tmp_path / "owner")
    make_state(owner)
    with endpoint(tmp_path, {}, calls=make_calls_dir(owner), enforced=ENFORCED) as aws:
        iam = aws.client("iam")
        iam.create_role(RoleName="made", AssumeRolePolicyDocument=json.dumps(TRUST))
        made = aws.client("s3", key="task.made")
        made.list_buckets()  # of nobody that is known
        note_role(owner, "made", f"arn:aws:iam::{ACCOUNT}:role/made")
        with pytest.raises(ClientError, match="AccessDenied"):
            made.list_buckets()
        allow = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        iam.put_role_policy(RoleName="made", PolicyName="p", PolicyDocument=document)
        made.list_buckets()
        note_role(owner, "made", None)
        iam.delete_role_policy(RoleName="made", PolicyName="p")
        made.list_buckets()


def make_state(project: Project) -> None:
    project.root_dir.mkdir()
    project.make_state_dir()


def test_role_that_is_not_there_grants_nothing(tmp_path: Path) -> None:
    with endpoint(tmp_path, enforced={"orders": ROLE_ARN}) as aws:
        refusal(aws, "sqs", "list_queues")


@pytest.mark.parametrize(
    ("role", "enforces", "is_told"), [(ROLE, True, False), ("service/absent", True, True), ("absent", False, False)]
)
def test_role_that_is_not_there_is_told(role: str, enforces: bool, is_told: bool, aws: Endpoint) -> None:
    local = LocalSettings.model_validate({"Aws": "local", "EnforceIam": enforces})
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    environment = Environment.from_members({"Name": "orders", "ExecutionRoleArn": arn}, local)
    remarks = role_remarks(environment, aws.url, "us-east-1")
    assert [(each.severity, each.subject) for each in remarks] == ([(WARNING, "execution role")] if is_told else [])
    if is_told:
        assert remarks[0].what.startswith("the local IAM has no role absent, so every call of your tasks")
        assert "--role-name absent " in remarks[0].hint
    assert role_remarks(environment, f"http://127.0.0.1:{free_port()}", "us-east-1") == ()
