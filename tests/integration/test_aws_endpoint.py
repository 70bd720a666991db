"""The one endpoint of `Aws: local`: who answers which request, asked by botocore and curl on a real port."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from tests.integration.aws_endpoint import Endpoint, control_plane, endpoint

pytestmark = pytest.mark.network  # moto's packages, once
BUCKET = "bucket-one"
FIXTURES = {"buckets": [BUCKET], "secrets": {"a": "b"}}
ARN = "arn:aws:airflow:us-east-1:000000000000:environment/mine"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with endpoint(tmp_path_factory.mktemp("aws"), FIXTURES) as started:
        yield started


def test_moto_answers_for_what_was_signed_for_its_services(aws: Endpoint) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=BUCKET, Key="a/b c", Body=b"x" * 100_000, Metadata={"with_underscore": "1"})
    assert s3.head_object(Bucket=BUCKET, Key="a/b c")["Metadata"] == {"with_underscore": "1"}
    assert aws.client("secretsmanager").get_secret_value(SecretId="a")["SecretString"] == "b"
    assert aws.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_mwaa_is_asked_of_the_control_plane_with_the_request_as_it_came(aws: Endpoint) -> None:
    mwaa = aws.client("mwaa")
    with control_plane(aws.socket_path) as asked:
        assert mwaa.list_environments(MaxResults=3)["Environments"] == ["mine"]
        mwaa.tag_resource(ResourceArn=ARN, Tags={"team": "é"})
        assert mwaa.create_cli_token(Name="mine")["CliToken"] == "t"
    (first, tag, token) = asked.requests
    assert first[:2] == ("GET", "/environments?MaxResults=3")
    assert tag[:2] == ("POST", "/tags/arn%3Aaws%3Aairflow%3Aus-east-1%3A000000000000%3Aenvironment%2Fmine")
    assert json.loads(tag[3]) == {"Tags": {"team": "é"}}
    assert tag[2]["authorization"].startswith("AWS4-HMAC-SHA256 Credential=local/")
    assert token[:2] == ("POST", "/clitoken/mine")
    assert token[2]["content-length"] == str(len(token[3]))


def test_without_a_control_plane_mwaa_is_a_service_that_is_not_there(aws: Endpoint) -> None:
    with pytest.raises(ClientError) as caught:
        aws.client("mwaa").list_environments()
    assert caught.value.response["Error"]["Code"] == "ServiceUnavailableException"
    assert "`mwaa-local up` or `mwaa-local api --detach` starts it" in caught.value.response["Error"]["Message"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_mwaa_serverless_is_told_to_be_another_service(aws: Endpoint) -> None:
    with pytest.raises(ClientError) as caught:
        aws.client("mwaa-serverless").list_workflows()
    assert caught.value.response["Error"]["Code"] == "NotImplementedException"
    assert "is not reproduced here" in caught.value.response["Error"]["Message"]


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_presigned_address_of_an_object_is_read_and_written(version: str, aws: Endpoint) -> None:
    s3 = aws.client("s3", signature_version=version)
    place = {"Bucket": BUCKET, "Key": f"presigned {version}"}
    put = urllib.request.Request(s3.generate_presigned_url("put_object", Params=place), b"written", method="PUT")
    put.add_header("Content-Type", "")
    urllib.request.urlopen(put).close()
    with urllib.request.urlopen(s3.generate_presigned_url("get_object", Params=place)) as answer:
        assert answer.read() == b"written"


def test_presigned_addresses_of_other_services_reach_them(aws: Endpoint) -> None:
    with urllib.request.urlopen(aws.client("sts").generate_presigned_url("get_caller_identity")) as answer:
        assert b"<Account>000000000000</Account>" in answer.read()
    with control_plane(aws.socket_path) as asked:
        urllib.request.urlopen(aws.client("mwaa").generate_presigned_url("list_environments")).close()
    assert [path.partition("?")[0] for _, path, _, _ in asked.requests] == ["/environments"]


def test_request_without_a_signature_is_s3s(aws: Endpoint) -> None:
    aws.client("s3").put_object(Bucket=BUCKET, Key="open", Body=b"1", ACL="public-read")
    assert aws.client("s3", signature_version=UNSIGNED).get_object(Bucket=BUCKET, Key="open")["Body"].read() == b"1"


def test_bucket_may_stand_in_the_host(aws: Endpoint) -> None:
    aws.client("s3").put_object(Bucket=BUCKET, Key="host-style", Body=b"1", ACL="public-read")
    for host in (f"{BUCKET}.localhost:{aws.port}", f"{BUCKET}.s3.us-east-1.amazonaws.com"):
        answer = aws.ask("GET", "/host-style", {"Host": host})
        assert (answer.status, answer.text) == (200, "1"), host


def test_curl_signs_for_itself(aws: Endpoint) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("no curl on this machine")
    sign = ("--aws-sigv4", "aws:amz:us-east-1:airflow", "--user", "local:local")
    with control_plane(aws.socket_path) as asked:
        argv = [curl, "--silent", "--fail", "-X", "POST", *sign, f"{aws.url}/clitoken/mine"]
        completed = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert json.loads(completed.stdout)["CliToken"] == "t"
    assert [request[:2] for request in asked.requests] == [("POST", "/clitoken/mine")]


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Host": "evil.example"}, "nothing answers to the name 'evil.example'"),
        ({"Host": "localhost.evil.example"}, "nothing answers to the name"),
        ({"Host": "amazonaws.com.evil.example"}, "nothing answers to the name"),
        ({"Host": ""}, "nothing answers to the name"),
        ({"Sec-Fetch-Site": "cross-site"}, "a page of another site"),
        ({"Origin": "https://evil.example"}, "a page of another site"),
        ({"Origin": "null"}, "a page of another site"),
    ],
)
def test_foreign_names_and_pages_of_other_sites_are_refused(headers: dict[str, str], said: str, aws: Endpoint) -> None:
    with control_plane(aws.socket_path) as asked:
        for path in ("/", f"/{BUCKET}", "/moto-api/data.json", "/environments", "/_mwaa-local/", "/_mwaa-local/aws"):
            answer = aws.ask("GET", path, headers)
            assert answer.status == 403, path
            assert said in json.loads(answer.text)["message"]
            assert "Access-Control-Allow-Origin" not in answer.headers
    assert asked.requests == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:4566"},
        {"Host": "[::1]:4566"},
        {"Host": "api.localhost"},
        {"Host": "data-localhost:4566"},
        {"Host": "000000000000.localhost"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_own_names_and_pages_of_this_machine_are_answered(headers: dict[str, str], aws: Endpoint) -> None:
    assert aws.ask("GET", "/_mwaa-local/aws", headers).status == 200


def test_pages_of_ours_are_the_control_planes(aws: Endpoint) -> None:
    with control_plane(aws.socket_path) as asked:
        assert aws.ask("GET", "/_mwaa-local/").status == 200
    assert [request[1] for request in asked.requests] == ["/_mwaa-local/"]


def test_no_addition_is_lost_when_many_write_at_once(aws: Endpoint) -> None:
    table = aws.client("dynamodb")
    table.create_table(
        TableName="counts",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    key = {"id": {"S": "1"}}

    def add(_: int) -> None:
        table.update_item(
            TableName="counts", Key=key, UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": {"N": "1"}}
        )

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add, range(100)))
    assert table.get_item(TableName="counts", Key=key)["Item"]["n"] == {"N": "100"}


def test_receiver_that_waits_lets_the_sender_in(aws: Endpoint) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    received: list[str] = []

    def receive() -> None:
        answer = aws.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20)
        received.extend(message["Body"] for message in answer.get("Messages", ()))

    receiver = threading.Thread(target=receive)
    receiver.start()
    while receiver.is_alive() and not received:
        sqs.send_message(QueueUrl=url, MessageBody="1")
        receiver.join(0.5)
    assert received == ["1"]
