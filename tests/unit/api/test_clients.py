"""boto3 and the AWS CLI against the API on a real port: it understands what they send, and they what it answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.http.routes import Routes
from mwaa_local.api.operations.table import operations
from tests.unit.api.serving import ACCOUNT, CREATED_AT, REGION, Served, add, aws, served

ARN = f"arn:aws:airflow:{REGION}:{ACCOUNT}:environment/"
MEMBERS: dict[str, Any] = {
    "EnvironmentClass": "mw1.medium",
    "AirflowConfigurationOptions": {"core.parallelism": "7"},
    "ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/airflow",
    "SourceBucketArn": "arn:aws:s3:::a-bucket",
    "DagS3Path": "dags",
    "NetworkConfiguration": {"SubnetIds": ["subnet-a", "subnet-b"], "SecurityGroupIds": ["sg-a"]},
    "LoggingConfiguration": {"WorkerLogs": {"Enabled": True, "LogLevel": "ERROR"}},
}
# Service -> a call that needs no members, one for each way in which AWS's services speak.
OTHERS = {
    "cloudwatch": "list_metrics",
    "dynamodb": "list_tables",
    "ec2": "describe_vpcs",
    "iam": "list_users",
    "lambda": "list_functions",
    "route53": "list_hosted_zones",
    "s3": "list_buckets",
    "sqs": "list_queues",
}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Served]:
    """An endpoint for two environments that were stopped."""
    add(tmp_path, "one", Tags={"team": "data"}, **MEMBERS)
    add(tmp_path, "two", settled=records.CREATE_FAILED)
    with served(Registry.of_folder(tmp_path, {})) as endpoint:
        yield endpoint


def error_of(call: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_every_operation_of_the_model_has_its_function() -> None:
    assert operations().keys() == Routes.load().operations.keys()


def test_members_of_requests_are_where_this_server_looks_for_them() -> None:
    model = Routes.load().model
    shapes = [model.shapes[operation["input"]["shape"]] for operation in model.operations.values()]
    members = [member for shape in shapes for member in shape["members"].values()]
    assert {member.get("location") for member in members} == {None, "uri", "querystring"}
    assert not any("payload" in shape for shape in shapes)


def test_environment_is_described_as_it_was_asked_for(two: Served) -> None:
    found = two.client().get_environment(Name="one")["Environment"]
    logging = found.pop("LoggingConfiguration")
    expected = {name: value for name, value in MEMBERS.items() if name != "LoggingConfiguration"}
    assert {name: found[name] for name in expected} == expected
    assert logging["WorkerLogs"] == {
        "Enabled": True,
        "LogLevel": "ERROR",
        "CloudWatchLogGroupArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:airflow-one-Worker:*",
    }
    assert "CloudWatchLogGroupArn" not in logging["SchedulerLogs"]
    assert found["Arn"] == ARN + "one"
    assert found["CreatedAt"] == datetime.fromtimestamp(CREATED_AT, UTC)
    assert found["Tags"] == {"team": "data"}
    assert (found["Status"], found.get("WebserverUrl")) == ("UNAVAILABLE", None)
    assert (found["MinWorkers"], found["MaxWorkers"], found["AirflowVersion"]) == (1, 10, "3.3.1")
    assert found.keys() <= Routes.load().model.members("Environment").keys()


def test_names_come_in_pages(tmp_path: Path) -> None:
    names = [f"env-{number:02}" for number in range(60)]
    for name in names:
        add(tmp_path, name)
    with served(Registry.of_folder(tmp_path, {})) as endpoint:
        client = endpoint.client()
        pages = [page["Environments"] for page in client.get_paginator("list_environments").paginate()]
        assert [name for page in pages for name in page] == names
        assert [len(page) for page in pages] == [25, 25, 10]
        first = client.list_environments(MaxResults=7)
        add(tmp_path, "env-000")  # before the next page: it moves nothing
        assert client.list_environments(NextToken=first["NextToken"], MaxResults=2)["Environments"] == names[7:9]
        assert "NextToken" not in client.list_environments(NextToken=first["NextToken"], MaxResults=25)["Environments"]
        code, message = error_of(lambda: client.list_environments(NextToken="x"))
        assert (code, "NextToken" in message) == ("ValidationException", True)


def test_tags_are_set_replaced_and_removed(two: Served) -> None:
    client = two.client()
    client.tag_resource(ResourceArn=ARN + "one", Tags={"team": "web", "cost centre": "4/2", "größe": "XL"})
    client.untag_resource(ResourceArn=ARN + "one", tagKeys=["cost centre", "absent"])
    assert client.list_tags_for_resource(ResourceArn=ARN + "one")["Tags"] == {"team": "web", "größe": "XL"}
    assert client.get_environment(Name="one")["Environment"]["Tags"] == {"team": "web", "größe": "XL"}
    many = {f"key{number}": "x" for number in range(49)}
    code, message = error_of(lambda: client.tag_resource(ResourceArn=ARN + "one", Tags=many))
    assert (code, "50" in message) == ("ValidationException", True)
    assert error_of(lambda: client.tag_resource(ResourceArn=ARN + "one", Tags={"aws:x": "y"}))[0] == code
    for arn in (ARN + "absent", ARN.replace(REGION, "eu-west-1") + "one"):
        assert (
            error_of(lambda arn=arn: client.list_tags_for_resource(ResourceArn=arn))[0] == "ResourceNotFoundException"
        )


def test_what_clients_do_not_check_is_checked(two: Served) -> None:
    client = two.client()
    code, message = error_of(
        lambda: client.create_environment(
            Name="1x", Schedulers=9, WebserverAccessMode="OPEN", KmsKey="alias/mine", Tags={"a": "!"}, **MEMBERS
        )
    )
    assert code == "ValidationException"
    assert message.startswith("mwaa-local: ")
    for part in ("Name must match", "Schedulers must be at most 5", "WebserverAccessMode must be one of", "no alias"):
        assert part in message
    secret = {"core.x": "pässword"}
    code, message = error_of(lambda: client.update_environment(Name="one", AirflowConfigurationOptions=secret))
    assert (code, "pässword" in message) == ("ValidationException", False)
    assert two.registry.names() == ["one", "two"]


def test_environment_that_is_not_there_is_not_found(two: Served) -> None:
    client = two.client()
    calls = (client.get_environment, client.delete_environment, client.update_environment, client.create_cli_token)
    for call in (*calls, client.create_web_login_token):
        assert error_of(lambda call=call: call(Name="absent"))[0] == "ResourceNotFoundException"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke_rest_api(Name="absent", Path="/dags", Method="GET")


def test_tokens_need_a_web_server(two: Served) -> None:
    client = two.client()
    assert error_of(lambda: client.create_cli_token(Name="one"))[0] == "ResourceNotFoundException"
    code, message = error_of(lambda: client.create_web_login_token(Name="one"))
    assert (code, "its status is UNAVAILABLE" in message) == ("ValidationException", True)


def test_metrics_are_taken(two: Served) -> None:
    client = two.client()
    datum = {"MetricName": "beat", "Timestamp": datetime.now(UTC), "Value": 1.5, "Unit": "Count"}
    assert (
        client.publish_metrics(EnvironmentName="one", MetricData=[datum])["ResponseMetadata"]["HTTPStatusCode"] == 200
    )
    assert error_of(lambda: client.publish_metrics(EnvironmentName="x", MetricData=[datum]))[0] == "ValidationException"


@pytest.mark.parametrize("service", OTHERS)
def test_other_services_say_where_they_are(two: Served, service: str) -> None:
    code, message = error_of(getattr(two.client(service), OTHERS[service]))
    assert code == "NotServedHere"
    assert "`Local: {Aws: local}`" in message


def test_serverless_is_another_service(two: Served) -> None:
    assert "another service" in error_of(two.client("mwaa-serverless").list_workflows)[1]


def test_unsigned_request_is_refused(two: Served) -> None:
    session = botocore.session.get_session()
    client = session.create_client(
        "mwaa",
        region_name=REGION,
        endpoint_url=two.url,
        config=botocore.config.Config(signature_version=botocore.UNSIGNED, inject_host_prefix=False),
    )
    assert error_of(client.list_environments)[0] == "MissingAuthenticationTokenException"


CLI_CALLS = (
    ("list-environments", "--max-items", "1"),
    ("get-environment", "--name", "one"),
    ("list-tags-for-resource", "--resource-arn", ARN + "one"),
    ("tag-resource", "--resource-arn", ARN + "one", "--tags", "a=b"),
    ("untag-resource", "--resource-arn", ARN + "one", "--tag-keys", "a"),
    ("publish-metrics", "--environment-name", "one", "--metric-data", "MetricName=a,Timestamp=2026-01-01"),
)
CLI_REFUSED = (
    ("create-environment", "ValidationException", "--name", "one", "--cli-input-json", json.dumps(MEMBERS)),
    ("update-environment", "ValidationException", "--name", "two"),
    ("delete-environment", "ResourceNotFoundException", "--name", "three"),
    ("create-cli-token", "ResourceNotFoundException", "--name", "one"),
    ("create-web-login-token", "ValidationException", "--name", "one"),
    ("invoke-rest-api", "ValidationException", "--name", "one", "--path", "/dags", "--method", "GET"),
)


def test_aws_cli_has_its_answers(
    two: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in CLI_CALLS:
        assert aws(two, words, monkeypatch) == 0, capsys.readouterr().err
    printed = capsys.readouterr().out
    assert f'"Arn": "{ARN}one"' in printed
    assert '"CreatedAt": 1700000000.25' in printed or '"CreatedAt": "2023-11-14T' in printed
    assert '"team": "data"' in printed


@pytest.mark.parametrize("words", CLI_REFUSED, ids=lambda words: words[0])
def test_aws_cli_names_the_error(
    two: Served, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command, code, *more = words
    assert aws(two, (command, *more), monkeypatch) in (254, 255)
    assert f"({code})" in capsys.readouterr().err


def test_aws_cli_is_tried_with_every_operation() -> None:
    tried = {words[0].replace("-", "") for words in (*CLI_CALLS, *CLI_REFUSED)}
    assert tried == {name.lower() for name in Routes.load().operations}
