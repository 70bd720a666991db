"""After which requests the local AWS writes a copy of what it holds."""

from __future__ import annotations

import pytest

from mwaa_local.guest.aws.state.writes import FORM, may_write


@pytest.mark.parametrize(
    ("environ", "body", "is_write"),
    [
        ({"REQUEST_METHOD": "GET"}, b"", False),
        ({"REQUEST_METHOD": "HEAD"}, b"", False),
        ({"REQUEST_METHOD": "PUT"}, b"Action=GetNothing", True),  # an object
        ({"REQUEST_METHOD": "PUT", "CONTENT_TYPE": FORM}, b"Action=GetNothing", True),
        ({"REQUEST_METHOD": "POST", "CONTENT_TYPE": "multipart/form-data"}, b"Action=GetNothing", True),
        ({"REQUEST_METHOD": "PUT"}, b"content of an object", True),
        ({"REQUEST_METHOD": "DELETE"}, b"", True),
        (
            {"REQUEST_METHOD": "POST", "CONTENT_TYPE": f"{FORM}; charset=utf-8"},
            b"Action=ListUsers&Version=2010-05-08",
            False,
        ),
        ({"REQUEST_METHOD": "POST", "CONTENT_TYPE": FORM}, b"Version=2010-05-08&Action=CreateUser", True),
        ({"REQUEST_METHOD": "GET", "QUERY_STRING": "Action=CreateUser&UserName=a"}, b"", True),
        ({"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "DynamoDB_20120810.Query"}, b"{}", False),
        ({"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "DynamoDB_20120810.PutItem"}, b"{}", True),
        ({"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "AmazonSQS.ReceiveMessage"}, b"{}", True),
        ({"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "secretsmanager.GetSecretValue"}, b"{}", False),
        ({"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "Kinesis.Getting"}, b"{}", True),
        ({"REQUEST_METHOD": "POST", "PATH_INFO": "/service/CloudWatch/operation/ListMetrics"}, b"\xbf", False),
        ({"REQUEST_METHOD": "POST", "PATH_INFO": "/service/CloudWatch/operation/PutMetricData"}, b"\xbf", True),
        ({"REQUEST_METHOD": "POST", "PATH_INFO": "/moto-api/reset"}, b"", True),
    ],
)
def test_which_requests_may_write(environ: dict[str, str], body: bytes, is_write: bool) -> None:
    assert may_write(environ, body) is is_write
