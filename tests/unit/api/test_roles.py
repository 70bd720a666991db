"""Which Airflow role IAM policies grant."""

from __future__ import annotations

from typing import Any

import pytest

from mwaa_local.api.iam.roles import role_granted
from mwaa_local.iam.policies import statements

BASE = "arn:aws:airflow:us-east-1:000000000000:role/dev/"
ACTION = "airflow:CreateWebLoginToken"


def allow(resource: Any, action: Any = ACTION, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(resource: Any) -> dict[str, Any]:
    return {**allow(resource), "Effect": "Deny"}


@pytest.mark.parametrize(
    ("policy", "role"),
    [
        ([], None),
        ([allow(BASE + "Viewer")], "Viewer"),
        ([allow([BASE + "Viewer", BASE + "Op"])], "Op"),
        ([allow(BASE + "*")], "Admin"),
        ([allow("arn:aws:airflow:*:*:role/d?v/Admin", "airflow:*")], "Admin"),
        ([allow(BASE + "Admin", "AIRFLOW:createweblogintoken")], "Admin"),
        ([allow(BASE + "admin")], None),
        ([allow(BASE.replace("dev", "other") + "Admin")], None),
        ([allow("arn:aws:airflow:us-east-1:000000000000:environment/dev")], None),
        ([allow(BASE + "Admin", "airflow:InvokeRestApi")], None),
        ([allow("*", "*")], "User"),
        ([allow("*"), allow(BASE + "Admin")], "Admin"),
        ([allow(BASE + "*"), deny(BASE + "Admin")], "Op"),
        ([allow(BASE + "*"), deny("*")], None),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": BASE + "Op"}], "Op"),
        ([{"Effect": "Allow", "Action": ACTION, "NotResource": BASE + "Admin"}], "Op"),
        ([allow(BASE + "Admin", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})], "Admin"),
        ([allow(None), allow(5), {"Effect": "Allow"}, allow(BASE + "[A]dmin")], None),
    ],
)
def test_role_is_the_highest_that_is_granted(policy: list[dict[str, Any]], role: str | None) -> None:
    assert role_granted(policy, ACTION, BASE) == role


@pytest.mark.parametrize("document", [None, [], "x", {}, {"Statement": None}, {"Statement": ["x", 1]}])
def test_what_is_no_policy_grants_nothing(document: Any) -> None:
    assert statements(document) == []


def test_single_statement_need_not_be_a_list() -> None:
    assert statements({"Statement": allow("*")}) == [allow("*")]


def test_pattern_of_many_stars_takes_no_time() -> None:
    assert role_granted([allow("*a" * 8 + "*" * 10_000 + "b")], ACTION, BASE + "a" * 40) is None
