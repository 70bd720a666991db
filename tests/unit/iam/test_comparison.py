"""What was called beside what a role grants, and the smallest policy for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mwaa_local.iam.calls import Call, Need
from mwaa_local.iam.comparison import Comparison, Unused
from mwaa_local.iam.minimal import minimal_policy
from mwaa_local.iam.needs import needs_of
from mwaa_local.iam.policies import Decision, decide, decide_alike
from mwaa_local.iam.report import policy_for

HERE = "us-east-1:000000000000"
ACCOUNT = "123456789012"
QUEUE = "arn:aws:sqs:us-east-1:{}:q"


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def test_missing_unused_and_conditional_are_told_apart() -> None:
    needs = [
        Need("s3:GetObject", "arn:aws:s3:::b/k"),
        Need("sqs:SendMessage", QUEUE.format("000000000000")),
        Need("sns:Publish", "arn:aws:sns:us-east-1:000000000000:t"),
        Need("kms:Decrypt"),
        Need(""),
    ]
    policy = [
        allow("s3:Get*", "arn:aws:s3:::b/*"),
        allow(["sqs:SendMessage", "sqs:DeleteMessage"], QUEUE.format(ACCOUNT)),
        allow("kms:Decrypt", Condition={"StringLike": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}),
        allow("logs:PutLogEvents"),
        allow("dynamodb:*", "arn:aws:dynamodb:us-east-1:123456789012:table/t"),
    ]
    found = Comparison.of(needs, policy, ACCOUNT, of_mwaa=["logs:PutLogEvents"])
    assert found.not_granted == (Need("sns:Publish", "arn:aws:sns:us-east-1:000000000000:t"),)
    assert found.conditional == (Need("kms:Decrypt"),)
    assert found.unused == (
        Unused("sqs:DeleteMessage", (QUEUE.format(ACCOUNT),)),
        Unused("dynamodb:*", ("arn:aws:dynamodb:us-east-1:123456789012:table/t",)),
    )


def test_what_is_denied_is_not_granted_and_what_may_be_depends_on_a_condition() -> None:
    need = Need("s3:PutObject", "arn:aws:s3:::b/k")
    denied = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    assert Comparison.of([need], [allow("*"), denied], ACCOUNT).not_granted == (need,)
    may_be = {**denied, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    found = Comparison.of([need], [allow("*"), may_be], ACCOUNT)
    assert (found.not_granted, found.conditional) == ((), (need,))


def test_denial_for_either_account_goes_before_a_grant() -> None:
    policy = [allow("sqs:*"), {"Effect": "Deny", "Action": "sqs:*", "Resource": QUEUE.format(ACCOUNT)}]
    assert decide_alike(policy, "sqs:SendMessage", QUEUE.format("000000000000"), ACCOUNT) is Decision.DENIED


@pytest.mark.parametrize(
    ("pattern", "secret", "decision"),
    [
        ("secret:airflow/*", "secret:airflow/x-??????", Decision.ALLOWED),
        ("secret:airflow/x-??????", "secret:airflow/x-??????", Decision.ALLOWED),
        ("secret:airflow/x-AbCdEf", "secret:airflow/x-??????", Decision.ALLOWED),  # its ending is the service's
        ("secret:airflow/y-AbCdEf", "secret:airflow/x-??????", Decision.NOT_GRANTED),
        ("secret:${aws:PrincipalTag/team}/x-*", "secret:airflow/x-??????", Decision.ALLOWED),
    ],
)
def test_secret_is_known_but_for_its_ending(pattern: str, secret: str, decision: Decision) -> None:
    assert decide([allow("secretsmanager:*", pattern)], "secretsmanager:GetSecretValue", secret) is decision


def test_minimal_policy_has_one_statement_for_what_is_alike() -> None:
    needs = [
        Need("s3:GetObject", "arn:aws:s3:::b/in/1"),
        Need("s3:PutObject", "arn:aws:s3:::b/in/1"),
        Need("s3:ListBucket", "arn:aws:s3:::b"),
        Need("sqs:ListQueues", "*"),
        Need("athena:GetQueryExecution"),
        Need(""),
    ]
    assert minimal_policy(needs) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Athena", "Effect": "Allow", "Action": ["athena:GetQueryExecution"], "Resource": "*"},
            {
                "Sid": "S3",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject"],
                "Resource": "arn:aws:s3:::b/in/1",
            },
            {"Sid": "S32", "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "arn:aws:s3:::b"},
            {"Sid": "Sqs", "Effect": "Allow", "Action": ["sqs:ListQueues"], "Resource": "*"},
        ],
    }


def test_many_objects_become_the_pattern_of_their_folder() -> None:
    keys = [f"in/2026/{day:02d}/data.csv" for day in range(1, 9)]
    needs = [Need("s3:GetObject", f"arn:aws:s3:::b/{key}") for key in keys]
    (statement,) = minimal_policy(needs)["Statement"]
    assert statement["Resource"] == "arn:aws:s3:::b/in/2026/*"
    (statement,) = minimal_policy([*needs, Need("s3:GetObject", "arn:aws:s3:::b/top")])["Statement"]
    assert statement["Resource"] == "arn:aws:s3:::b/*"


@pytest.mark.parametrize(
    ("called", "granted"),
    [
        ("arn:aws:elasticmapreduce:r:a:cluster/j-2AXXXXXXGAPLF", "arn:aws:elasticmapreduce:r:a:cluster/*"),
        ("arn:aws:batch:r:a:job/1a2b3c4d-0000-1111-2222-333344445555", "arn:aws:batch:r:a:job/*"),
        (
            "arn:aws:states:r:a:execution:machine:1a2b3c4d-0000-1111-2222-333344445555",
            "arn:aws:states:r:a:execution:machine:*",
        ),
        ("arn:aws:glue:r:a:job/orders", "arn:aws:glue:r:a:job/orders"),
    ],
)
def test_what_a_service_names_anew_each_time_is_a_pattern(called: str, granted: str) -> None:
    (statement,) = minimal_policy([Need("x:Y", called)])["Statement"]
    assert statement["Resource"] == granted


def test_action_without_resources_is_granted_on_everything() -> None:
    (statement,) = minimal_policy([Need("a:List", "arn:aws:a:::x")], lambda _action: False)["Statement"]
    assert statement["Resource"] == "*"


def test_printed_policy_is_for_the_roles_account() -> None:
    need = Need("sqs:SendMessage", QUEUE.format("000000000000"))
    policy = policy_for([need], ACCOUNT, lambda _action: None)
    assert policy is not None
    assert json.dumps(QUEUE.format(ACCOUNT)) in json.dumps(policy)
    assert decide_alike(policy["Statement"], need.action, need.resource, ACCOUNT) is Decision.ALLOWED


@pytest.mark.parametrize(
    ("call", "needs"),
    [
        (Call("sts", "GetCallerIdentity"), []),
        (Call("monitoring", "PutMetricData"), [Need("cloudwatch:PutMetricData", "*")]),
        (
            Call("elasticmapreduce", "RunJobFlow", parameters={"ServiceRole": "S", "JobFlowRole": "J"}),
            [
                Need("elasticmapreduce:RunJobFlow", "*"),
                Need("iam:PassRole", "arn:aws:iam::000000000000:role/S"),
                Need("iam:PassRole", "arn:aws:iam::000000000000:role/J"),
            ],
        ),
        (
            Call("glue", "CreateJob", "cn-north-1", parameters={"Role": "R"}),
            [Need("glue:CreateJob"), Need("iam:PassRole", "arn:aws-cn:iam::000000000000:role/R")],
        ),
        (
            Call("dynamodb", "BatchGetItem", parameters={"RequestItems": {"t": {}}}),
            [Need("dynamodb:BatchGetItem", "arn:aws:dynamodb:us-east-1:000000000000:table/t")],
        ),
        (
            Call("kms", "Decrypt", "eu-west-1", parameters={"KeyId": "alias/a"}),
            [Need("kms:Decrypt")],  # the key's ARN, which nobody knows here
        ),
        (Call("kms", "Decrypt", parameters={"KeyId": "k"}), [Need("kms:Decrypt", f"arn:aws:kms:{HERE}:key/k")]),
        (
            Call("s3", "GetObject", parameters={"Bucket": "b", "Key": "k", "versionId": "1"}),
            [Need("s3:GetObjectVersion", "arn:aws:s3:::b/k")],
        ),
        (
            Call("s3", "DeleteObject", parameters={"Bucket": "b", "Key": "k", "versionId": "1"}),
            [Need("s3:DeleteObjectVersion", "arn:aws:s3:::b/k")],
        ),
        (
            Call("dynamodb", "Query", parameters={"TableName": "t", "IndexName": "i"}),
            [Need("dynamodb:Query", f"arn:aws:dynamodb:{HERE}:table/t/index/i")],
        ),
        (
            Call("batch", "SubmitJob", parameters={"jobQueue": "q", "jobDefinition": "d"}),
            [
                Need("batch:SubmitJob", f"arn:aws:batch:{HERE}:job-queue/q"),
                Need("batch:SubmitJob", f"arn:aws:batch:{HERE}:job-definition/d"),
            ],
        ),
        (
            Call("dynamodb", "BatchExecuteStatement", parameters={"Statements": [{"Statement": "UPDATE x"}]}),
            [Need("dynamodb:PartiQLUpdate")],
        ),
        (
            Call("dynamodb", "ExecuteTransaction", parameters={"TransactStatements": [{"Statement": "insert into x"}]}),
            [Need("dynamodb:PartiQLInsert")],
        ),
        (
            Call("lambda", "GetEventSourceMapping", parameters={"UUID": "u"}),
            [Need("lambda:GetEventSourceMapping", f"arn:aws:lambda:{HERE}:event-source-mapping:u")],
        ),
        (
            Call("secretsmanager", "BatchGetSecretValue", parameters={"SecretIdList": ["/s"]}),
            [
                Need("secretsmanager:BatchGetSecretValue", "*"),
                Need("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{HERE}:secret:/s-??????"),
            ],
        ),
        (
            Call("logs", "PutLogEvents", parameters={"logGroupName": "/aws/x"}),
            [Need("logs:PutLogEvents", f"arn:aws:logs:{HERE}:log-group:/aws/x:*")],
        ),
        (
            Call("ssm", "GetParameter", parameters={"Name": "/a/b"}),
            [Need("ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/a/b")],
        ),
        (Call("bedrock", "Converse"), [Need("bedrock:InvokeModel")]),
        (
            Call(
                "s3",
                "DeleteObjects",
                parameters={"Bucket": "b", "Objects": [{"Key": "t/1"}, {"Key": "t/2", "VersionId": "v"}]},
            ),
            [Need("s3:DeleteObject", "arn:aws:s3:::b/t/1"), Need("s3:DeleteObjectVersion", "arn:aws:s3:::b/t/2")],
        ),
        (Call("s3", "DeleteObjects", has_parameters=False), [Need("s3:DeleteObject")]),
        (Call("glue", "StartJobRun", has_parameters=False), [Need("glue:StartJobRun")]),
        (Call("s3", ""), []),
    ],
)
def test_call_needs(call: Call, needs: list[Need]) -> None:
    assert needs_of(call) == needs
