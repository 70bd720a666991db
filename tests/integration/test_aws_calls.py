"""What an environment's components call of a local AWS: noted as IAM's actions, whoever else calls besides."""

from __future__ import annotations

import contextlib
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mwaa_local.iam.ledger import read_all
from tests.environments import wait_until
from tests.integration.aws_endpoint import Endpoint, endpoint

pytestmark = pytest.mark.network  # moto's packages, once
TASK_KEY = "task.orders"
LOCAL = "us-east-1:000000000000"


@pytest.fixture(scope="module")
def calls_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calls")


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, calls_dir: Path) -> Iterator[Endpoint]:
    with endpoint(tmp_path_factory.mktemp("aws"), {"buckets": ["data"]}, calls=calls_dir) as started:
        yield started


# Service, operation, parameters -> what IAM must grant.
CALLS: list[tuple[str, str, dict[str, Any], set[tuple[str, str]]]] = [
    ("s3", "list_buckets", {}, {("s3:ListAllMyBuckets", "*")}),
    (
        "s3",
        "put_object",
        {"Bucket": "data", "Key": "a/b c", "Body": b""},
        {("s3:PutObject", "arn:aws:s3:::data/a/b c")},
    ),
    ("s3", "head_object", {"Bucket": "data", "Key": "a/b c"}, {("s3:GetObject", "arn:aws:s3:::data/a/b c")}),
    ("s3", "head_bucket", {"Bucket": "data"}, {("s3:ListBucket", "arn:aws:s3:::data")}),
    ("s3", "list_objects_v2", {"Bucket": "data", "Prefix": "a"}, {("s3:ListBucket", "arn:aws:s3:::data")}),
    ("s3", "list_object_versions", {"Bucket": "data"}, {("s3:ListBucketVersions", "arn:aws:s3:::data")}),
    ("s3", "get_bucket_versioning", {"Bucket": "data"}, {("s3:GetBucketVersioning", "arn:aws:s3:::data")}),
    ("s3", "delete_object", {"Bucket": "data", "Key": "k"}, {("s3:DeleteObject", "arn:aws:s3:::data/k")}),
    ("s3", "create_multipart_upload", {"Bucket": "data", "Key": "m"}, {("s3:PutObject", "arn:aws:s3:::data/m")}),
    (
        "s3",
        "copy_object",
        {"Bucket": "data", "Key": "to", "CopySource": {"Bucket": "data", "Key": "a/b c"}},
        {("s3:PutObject", "arn:aws:s3:::data/to"), ("s3:GetObject", "arn:aws:s3:::data/a/b c")},
    ),
    ("sqs", "create_queue", {"QueueName": "q"}, {("sqs:CreateQueue", f"arn:aws:sqs:{LOCAL}:q")}),
    ("sqs", "list_queues", {}, {("sqs:ListQueues", "*")}),
    (
        "sns",
        "publish",
        {"TopicArn": f"arn:aws:sns:{LOCAL}:t", "Message": "m"},
        {("sns:Publish", f"arn:aws:sns:{LOCAL}:t")},
    ),
    (
        "lambda",
        "invoke",
        {"FunctionName": f"arn:aws:lambda:{LOCAL}:function:f"},
        {("lambda:InvokeFunction", f"arn:aws:lambda:{LOCAL}:function:f")},
    ),
    (
        "secretsmanager",
        "get_secret_value",
        {"SecretId": "airflow/x"},
        {("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{LOCAL}:secret:airflow/x-??????")},
    ),
    (
        "dynamodb",
        "get_item",
        {"TableName": "t", "Key": {"k": {"S": "1"}}},
        {("dynamodb:GetItem", f"arn:aws:dynamodb:{LOCAL}:table/t")},
    ),
    (
        "dynamodb",
        "transact_write_items",
        {"TransactItems": [{"Put": {"TableName": "t", "Item": {"k": {"S": "1"}}}}]},
        {("dynamodb:PutItem", f"arn:aws:dynamodb:{LOCAL}:table/t")},
    ),
    (
        "cloudwatch",
        "put_metric_data",
        {"Namespace": "N", "MetricData": [{"MetricName": "m", "Value": 1}]},
        {("cloudwatch:PutMetricData", "*")},
    ),
    (
        "emr",
        "add_job_flow_steps",
        {"JobFlowId": "j-1", "Steps": []},
        {("elasticmapreduce:AddJobFlowSteps", f"arn:aws:elasticmapreduce:{LOCAL}:cluster/j-1")},
    ),
    (
        "stepfunctions",
        "start_execution",
        {"stateMachineArn": f"arn:aws:states:{LOCAL}:stateMachine:m"},
        {("states:StartExecution", f"arn:aws:states:{LOCAL}:stateMachine:m")},
    ),
    # Not implemented by moto: it counts all the same.
    ("redshift-data", "list_schemas", {"Database": "d"}, {("redshift-data:ListSchemas", "")}),
    ("cleanrooms", "list_collaborations", {}, {("cleanrooms:ListCollaborations", "")}),
    ("mwaa", "get_environment", {"Name": "e"}, {("airflow:GetEnvironment", f"arn:aws:airflow:{LOCAL}:environment/e")}),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "needs"), CALLS)
def test_call_is_noted_as_what_iam_must_grant(
    aws: Endpoint, calls_dir: Path, service: str, operation: str, parameters: dict[str, Any], needs: set[Any]
) -> None:
    name = f"{TASK_KEY}-{service}-{operation}".replace("_", "-")
    client = aws.client(service, key=name)
    with contextlib.suppress(ClientError):
        getattr(client, operation)(**parameters)
    environment = name.removeprefix("task.")

    def noted() -> set[tuple[str, str]]:
        return {(each.action, each.resource) for each, _ in read_all(calls_dir) if each.environment == environment}

    wait_until(noted, 10, "the call is noted")
    assert noted() == needs


def test_calls_of_others_are_not_noted(aws: Endpoint, calls_dir: Path) -> None:
    aws.client("ssm").describe_parameters()
    aws.client("athena", key=TASK_KEY).list_work_groups()
    wait_until(lambda: any(each.action.startswith("athena:") for each, _ in read_all(calls_dir)), 10, "it is noted")
    assert not any(each.action.startswith("ssm:") for each, _ in read_all(calls_dir))


def test_dag_and_operator_are_told_where_the_client_says_so(aws: Endpoint, calls_dir: Path) -> None:
    dag = str(uuid.uuid5(uuid.NAMESPACE_OID, "my_dag"))
    extra = f"Airflow/3.3.1 AmPP/9.34.0 Caller/EmrAddStepsOperator DagRunKey/{dag}"
    aws.client("emr", key=TASK_KEY, user_agent_extra=extra).list_clusters()
    nobody = "Airflow/3.3.1 Caller/Unknown DagRunKey/00000000-0000-0000-0000-000000000000"
    aws.client("emr", key=TASK_KEY, user_agent_extra=nobody).list_clusters()

    def noted() -> set[tuple[str, str]]:
        return {(each.dag, each.caller) for each, _ in read_all(calls_dir) if each.call.endswith(":ListClusters")}

    wait_until(lambda: len(noted()) == 2, 10, "both are noted")
    assert noted() == {(dag, "EmrAddStepsOperator"), ("", "")}


def test_ledger_is_private_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    calls_dir = tmp_path / "calls"
    calls_dir.mkdir(mode=0o700)
    for _ in range(2):
        with endpoint(tmp_path, calls=calls_dir) as aws:
            aws.client("sqs", key=TASK_KEY).list_queues()
            aws.process.terminate()
            aws.process.wait()
    ((called, times),) = read_all(calls_dir)
    assert (called.environment, called.action, times.count) == ("orders", "sqs:ListQueues", 2)
    (path,) = calls_dir.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
