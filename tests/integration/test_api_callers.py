"""Callers of the API whose keys the IAM of a local AWS made: who they are, and what their policies let them be."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from mwaa_local.api.face import Face
from mwaa_local.api.http.call import Call, Caller
from mwaa_local.api.http.errors import ServiceError
from mwaa_local.api.iam.local_iam import LocalIam
from mwaa_local.api.operations.tokens import who_and_as_what
from tests.integration import aws_server
from tests.integration.aws_server import KEYS

ROLES = "arn:aws:airflow:us-east-1:000000000000:role/dev/"
ACTION = "CreateWebLoginToken"
aws = aws_server.aws  # the fixture


class OneEnvironment:
    name = "dev"


def policy(*resources: str) -> str:
    statement = {"Effect": "Allow", "Action": f"airflow:{ACTION}", "Resource": list(resources)}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def asked(aws: str, access_key_id: str, url: str | None = "") -> tuple[str, str]:
    """Return the caller's name and Airflow role."""
    face = Face(None, "us-east-1", "000000000000", callers=LocalIam(lambda: aws if url == "" else url))  # type: ignore[arg-type]
    call = Call(ACTION, {}, Caller(access_key_id, "us-east-1"))
    return who_and_as_what(call, face, OneEnvironment(), ACTION)  # type: ignore[arg-type]


@pytest.fixture
def iam(aws: str) -> Any:
    return boto3.client("iam", endpoint_url=aws, **KEYS)


def test_user_comes_as_policies_of_their_own_and_of_their_groups_say(aws: str, iam: Any) -> None:
    iam.create_user(UserName="ann", Path="/team/")
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    with pytest.raises(ServiceError, match=r"No Airflow role granted in IAM\.") as caught:
        asked(aws, key)
    assert caught.value.code == "AccessDeniedException"
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=policy(ROLES + "Viewer"))
    assert asked(aws, key) == ("user/team/ann", "Viewer")
    iam.create_group(GroupName="ops")
    iam.put_group_policy(GroupName="ops", PolicyName="ops", PolicyDocument=policy(ROLES + "Op"))
    iam.add_user_to_group(GroupName="ops", UserName="ann")
    assert asked(aws, key)[1] == "Op"
    arn = iam.create_policy(PolicyName="admins", PolicyDocument=policy(ROLES + "Admin"))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    assert asked(aws, key)[1] == "Admin"


def test_role_that_was_assumed_comes_as_its_policies_say(aws: str, iam: Any) -> None:
    arn = iam.create_role(RoleName="data", AssumeRolePolicyDocument=policy("*"))["Role"]["Arn"]
    iam.put_role_policy(RoleName="data", PolicyName="own", PolicyDocument=policy(ROLES + "User"))
    sts = boto3.client("sts", endpoint_url=aws, **KEYS)
    key = sts.assume_role(RoleArn=arn, RoleSessionName="ann")["Credentials"]["AccessKeyId"]
    assert asked(aws, key) == ("assumed-role/data/ann", "User")


def test_key_that_nobody_made_is_an_admins(aws: str) -> None:
    assert asked(aws, "local") == ("user/local", "Admin")
    assert asked(aws, "AKIAOFSOMEBODYELSE00") == ("user/AKIAOFSOMEBODYELSE00", "Admin")


def test_without_a_local_aws_everybody_is_an_admin(aws: str) -> None:
    assert asked(aws, "local", None) == ("user/local", "Admin")


def test_with_a_local_aws_that_does_not_answer_nobody_is(aws: str) -> None:
    with pytest.raises(ServiceError, match=r"http://127\.0\.0\.1:9 does not answer; .*mwaa-local up") as caught:
        asked(aws, "local", "http://127.0.0.1:9")
    assert caught.value.code == "InternalServerException"
