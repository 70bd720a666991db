"""Which operation a request is, as botocore itself writes it."""

from __future__ import annotations

import collections
import io
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.loaders import Loader

from mwaa_local.guest.aws.calls.models import models_of
from mwaa_local.guest.aws.calls.operations import MAX_FIELDS, Found, find

FORM = "application/x-www-form-urlencoded; charset=utf-8"
CALLS: list[tuple[str, str, dict[str, Any], str]] = [
    ("bedrock", "list_foundation_models", {}, "ListFoundationModels"),
    ("bedrock-runtime", "invoke_model", {"modelId": "m", "body": b"{}"}, "InvokeModel"),
    ("bedrock-runtime", "converse", {"modelId": "arn:aws:bedrock:r::foundation-model/m"}, "Converse"),
    ("bedrock-agent", "get_agent", {"agentId": "ABCDEFGHIJ"}, "GetAgent"),
    ("bedrock-agent-runtime", "retrieve", {"knowledgeBaseId": "k", "retrievalQuery": {"text": "t"}}, "Retrieve"),
    ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "e", "Body": b"{}"}, "InvokeEndpoint"),
    (
        "sagemaker-featurestore-runtime",
        "get_record",
        {"FeatureGroupName": "g", "RecordIdentifierValueAsString": "1"},
        "GetRecord",
    ),
    ("lex-runtime", "get_session", {"botName": "b", "botAlias": "a", "userId": "user-1"}, "GetSession"),
    (
        "lexv2-runtime",
        "get_session",
        {"botId": "ABCDEFGHIJ", "botAliasId": "a", "localeId": "l", "sessionId": "s-1"},
        "GetSession",
    ),
    ("appconfigdata", "get_latest_configuration", {"ConfigurationToken": "t"}, "GetLatestConfiguration"),
    ("neptunedata", "get_engine_status", {}, "GetEngineStatus"),
    ("accessanalyzer", "list_analyzers", {}, "ListAnalyzers"),
    ("location", "list_maps", {}, "ListMaps"),
    ("sesv2", "get_account", {}, "GetAccount"),
    ("pinpoint-email", "get_account", {}, "GetAccount"),
    ("apigatewayv2", "get_apis", {}, "GetApis"),
    ("apigateway", "get_rest_apis", {}, "GetRestApis"),
    ("opensearch", "list_domain_names", {}, "ListDomainNames"),
    ("s3control", "get_public_access_block", {"AccountId": "123456789012"}, "GetPublicAccessBlock"),
    ("s3", "get_public_access_block", {"Bucket": "bucket"}, "GetPublicAccessBlock"),
    ("s3", "get_object", {"Bucket": "bucket", "Key": "a/b"}, "GetObject"),
    ("iot-data", "get_thing_shadow", {"thingName": "t"}, "GetThingShadow"),
]


def written(service: str, operation: str, parameters: dict[str, Any]) -> tuple[str, dict[str, Any], bytes]:
    """Return a request as botocore writes it: the name that it is signed for, what WSGI makes of it, and its body."""
    caught: list[AWSPreparedRequest] = []
    session = botocore.session.Session()
    session.set_credentials("key", "secret")
    config = Config(inject_host_prefix=False, parameter_validation=False)
    client = session.create_client(service, region_name="us-east-1", endpoint_url="http://localhost", config=config)

    def catch(request: AWSPreparedRequest, **_more: Any) -> Any:
        caught.append(request)
        raise Caught

    client.meta.events.register("before-send", catch)
    with pytest.raises(Caught):
        getattr(client, operation)(**parameters)
    (request,) = caught
    url = urlsplit(request.url)
    environ = {
        "REQUEST_METHOD": request.method,
        "RAW_URI": f"{url.path}?{url.query}",
        "PATH_INFO": url.path,
        "QUERY_STRING": url.query,
        **{f"HTTP_{name.upper().replace('-', '_')}": _text(value) for name, value in request.headers.items()},
    }
    body = request.body.getvalue() if isinstance(request.body, io.BytesIO) else request.body or b""
    signed = _text(request.headers["Authorization"]).partition("Credential=")[2].split("/")[3]
    return signed, environ, body


class Caught(Exception):
    pass


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@pytest.mark.parametrize(("service", "operation", "parameters", "name"), CALLS)
def test_operation_is_told_among_services_that_sign_alike(
    service: str, operation: str, parameters: dict[str, Any], name: str
) -> None:
    signing_name, environ, body = written(service, operation, parameters)
    assert find(environ, signing_name, body).operation == name


@pytest.mark.full  # reads some hundred models
def test_models_are_those_of_botocore() -> None:
    loader, there = Loader(), collections.defaultdict(set)
    for name in loader.list_available_services("service-2"):
        about = loader.load_service_model(name, "service-2")["metadata"]
        if about["protocol"].startswith("rest"):
            there[about.get("signingName") or about["endpointPrefix"]].add(name)
    assert {signing_name: set(models_of(signing_name)) for signing_name in there} == there


@pytest.mark.parametrize("front", [b"", b"Action=PutMetricData&"])
def test_action_of_a_long_form_is_found_wherever_it_stands(front: bytes) -> None:
    fields = b"&".join(b"MetricData.member.%d.Value=1" % number for number in range(MAX_FIELDS + 1))
    body = front + b"Namespace=N&" + fields + (b"" if front else b"&Action=PutMetricData")
    found = find({"REQUEST_METHOD": "POST", "CONTENT_TYPE": FORM}, "monitoring", body)
    assert (found.operation, found.protocol, found.has_parameters) == ("PutMetricData", "query", False)
    short = find({"REQUEST_METHOD": "POST", "CONTENT_TYPE": FORM}, "sns", b"Action=Publish&TopicArn=a%3Ab")
    assert short == Found("Publish", "query", {"Action": "Publish", "TopicArn": "a:b"})
