"""Whether a policy grants an action, as far as a check may say so."""

from __future__ import annotations

from typing import Any

import pytest

from mwaa_local.iam.policies import Decision, decide, is_granted, statements, trusts

BUCKET = "arn:aws:s3:::bucket"


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("policy", "granted"),
    [
        ([allow("s3:GetObject")], True),
        ([allow(["logs:*", "S3:get*"], f"{BUCKET}/*")], True),
        ([allow("s3:Get?bject", f"{BUCKET}/dags/*")], True),
        ([allow("s3:GetObject", BUCKET)], False),
        ([allow("s3:GetObjectAcl")], False),
        ([], False),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "Action": "*", "NotResource": f"{BUCKET}/*"}], False),
        ([allow("*"), {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}], False),
        ([allow("*"), {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {}}}], True),
        ([allow("s3:GetObject", Condition={"StringEquals": {}})], True),
    ],
)
def test_actions_and_resources_with_wildcards(policy: list[dict[str, Any]], granted: bool) -> None:
    assert is_granted(statements({"Statement": policy}), "s3:GetObject", f"{BUCKET}/dags/a.py") is granted


@pytest.mark.parametrize(
    ("denied", "decision"),
    [
        ({"Resource": "arn:aws:glue:*:*:table/secret/*"}, Decision.CONDITIONAL),
        ({"NotResource": "arn:aws:glue:*:*:table/open/*"}, Decision.CONDITIONAL),
        ({"Resource": ["arn:aws:glue:*:*:table/secret/*", "*"]}, Decision.DENIED),
        ({"Resource": "*", "Condition": {"Bool": {}}}, Decision.CONDITIONAL),
    ],
)
def test_denial_on_some_resources_may_not_be_meant_for_one_that_is_not_known(
    denied: dict[str, Any], decision: Decision
) -> None:
    policy = [allow("glue:*"), {"Effect": "Deny", "Action": "glue:*", **denied}]
    assert decide(policy, "glue:GetTable", "") is decision
    assert is_granted(policy, "glue:GetTable", "") is (decision is not Decision.DENIED)


def test_one_statement_needs_no_list_and_nonsense_grants_nothing() -> None:
    assert is_granted(statements({"Statement": allow("*")}), "a:B", "x")
    assert statements("nonsense") == statements({"Statement": ["x"]}) == statements({}) == []


@pytest.mark.parametrize(
    ("principal", "trusted"),
    [
        ({"Service": "airflow-env.amazonaws.com"}, True),
        ({"Service": ["ec2.amazonaws.com", "airflow-env.amazonaws.com"]}, True),
        ({"Service": "airflow.amazonaws.com"}, False),
        ({"AWS": "*"}, False),
        ("*", True),
    ],
)
def test_who_may_assume_a_role(principal: Any, trusted: bool) -> None:
    policy = [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]
    assert trusts(policy, "airflow-env.amazonaws.com") is trusted
