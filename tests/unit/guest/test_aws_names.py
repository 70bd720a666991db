"""Which requests the local AWS answers: by the name that was asked for, and by the page that asked."""

from __future__ import annotations

import pytest

from mwaa_local.guest.aws.names import refusal

NAMES = ["aws"]


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:4566", "http://page.localhost", "http://aws:4566"],
)
def test_page_of_this_machine_is_answered(origin: str) -> None:
    assert refusal({"HTTP_HOST": "localhost:4566", "HTTP_ORIGIN": origin}, NAMES) == ""


@pytest.mark.parametrize(
    "origin",
    [
        "https://data.s3.amazonaws.com",
        "https://data.s3.cn-north-1.amazonaws.com.cn",
        "https://s3.dualstack.us-east-1.api.aws",
        "http://localhost.evil.example",
        "null",
        "",
        "http://[",
    ],
)
def test_page_of_another_site_is_not_one_that_lies_at_aws_either(origin: str) -> None:
    for host in ("localhost:4566", "airflow.us-east-1.amazonaws.com"):
        assert "a page of another site" in refusal({"HTTP_HOST": host, "HTTP_ORIGIN": origin}, NAMES)


@pytest.mark.parametrize(
    "host",
    ["sts.us-east-1.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn", "airflow.us-east-1.api.aws", "data.localhost"],
)
def test_request_that_was_meant_for_aws_is_answered(host: str) -> None:
    assert refusal({"HTTP_HOST": host}, NAMES) == ""


@pytest.mark.parametrize("host", ["amazonaws.com.evil.example", "evilamazonaws.com", "aws.evil.example", ""])
def test_other_names_are_not_ours(host: str) -> None:
    assert "nothing answers to the name" in refusal({"HTTP_HOST": host}, NAMES)
