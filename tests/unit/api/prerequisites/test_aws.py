"""EC2, IAM and S3 are asked at http and https addresses, and what gives no answer is no fault of the caller's."""

from __future__ import annotations

import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mwaa_local.api.environments.endpoints import endpoint_services
from mwaa_local.api.prerequisites.checks import look, refuse

REGION = "us-east-1"
ENDPOINTS = """<DescribeVpcEndpointsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><vpcEndpointSet>
<item><serviceName>one</serviceName></item><item><serviceName>other</serviceName></item>
</vpcEndpointSet></DescribeVpcEndpointsResponse>"""


class Answers(http.server.BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []
    answer: ClassVar[tuple[int, str]] = (200, ENDPOINTS)

    def do_POST(self) -> None:
        self.asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._answer()

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self._answer()

    def _answer(self) -> None:
        status, text = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture(params=["http", "https"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Answers, "asked", [])
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        if request.param == "https":
            certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
            words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost"
            files = ("-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate))
            subprocess.run(["openssl", *words.split(), *files], check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{request.param}://localhost:{server.server_address[1]}"
        server.shutdown()


def test_endpoint_services_are_asked_for(url: str) -> None:
    assert endpoint_services(url, REGION, ["one", "two"]) == {"one"}
    assert "Action=DescribeVpcEndpoints" in Answers.asked[0]
    assert "Filter.1.Value.2=two" in Answers.asked[0]


@pytest.mark.parametrize("url", ["http"], indirect=True)
@pytest.mark.parametrize(
    "answer", [(404, "no such page"), (500, ""), (200, "no XML"), (200, "<a><vpcEndpointSet/></a>")]
)
def test_what_is_no_ec2_has_none(url: str, answer: tuple[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answers, "answer", answer)
    assert endpoint_services(url, REGION, ["one"]) == set()


@pytest.mark.parametrize("bad", ["http://localhost:none", "http://[", "http://localhost:9", "localhost"])
def test_address_that_is_none_answers_nothing(bad: str) -> None:
    assert endpoint_services(bad, REGION, ["one"]) == set()


@pytest.mark.parametrize("url", ["http"], indirect=True)
def test_only_what_an_environment_names_is_judged(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answers, "answer", (404, ""))
    refuse({"DagS3Path": "dags"}, url, REGION)
    assert Answers.asked == []
    refuse({"DagS3Path": "dags", "SourceBucketArn": "arn:aws:s3:::bucket"}, url, REGION)
    assert Answers.asked == ["/bucket?versioning", "/bucket?encryption"]
    refuse({"DagS3Path": "dags", "ExecutionRoleArn": "arn:aws:iam::000000000000:role/execution"}, url, REGION)
    assert "RoleName=execution" in Answers.asked[2]
    assert look({}, url, REGION).faults == []
    configuration = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert "was not checked" in look({"NetworkConfiguration": configuration}, url, REGION).not_checked


@pytest.mark.parametrize("url", ["http"], indirect=True)
def test_role_is_not_held_to_a_bucket_that_is_not_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trust = '{"Statement": [{"Effect": "Allow", "Principal": {"Service": "airflow-env.amazonaws.com"}}]}'
    text = (
        f"<a><GetRoleResult><Role><AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument></Role></GetRoleResult>"
        "<ListRolePoliciesResult><PolicyNames/></ListRolePoliciesResult>"
        "<ListAttachedRolePoliciesResult><AttachedPolicies/></ListAttachedRolePoliciesResult></a>"
    )
    monkeypatch.setattr(Answers, "answer", (200, text))
    refuse({"ExecutionRoleArn": "arn:aws:iam::000000000000:role/execution"}, url, REGION)
    assert len(Answers.asked) == 3
