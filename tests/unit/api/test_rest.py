"""InvokeRestApi's own part: paths, limits, sessions, errors; before a web server of which a test decides every byte."""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.environments.status import Look
from mwaa_local.api.operations import rest
from mwaa_local.door.tokens import WEB, read
from mwaa_local.https.certificate import project_certificate
from mwaa_local.https.place import CERTIFICATE_NAME, OWN_NAMES, authority_path
from mwaa_local.secrets import load_secrets
from mwaa_local.web_address import WebAddress
from tests.unit.api.serving import Served, add, aws, served
from tests.unit.door.doors import Asked, WebServer

LOGIN_PATH = "/pluginsv2/aws_mwaa/login"
FOR_EVER = float("inf")
Invoke = Callable[..., dict[str, Any]]


class Airflow:
    """What answers behind the address of a front door: logins by itself, the rest as a test says."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.server = WebServer(context=context)
        self.server.answer = self._answer
        self.tokens: list[str] = []
        self.asked: list[Asked] = []
        self.bodies: list[bytes] = []
        self.answer: Callable[[Asked], None] = lambda asked: reply(asked, 200, {"ok": True})

    def _answer(self, asked: Asked) -> None:
        body = asked.body()
        if LOGIN_PATH in asked.line:
            self.tokens.append(body.decode().removeprefix("token="))
            cookie = f"_token=jwt{len(self.tokens)}; Path=/"
            asked.send(f"HTTP/1.1 200 OK\r\nSet-Cookie: {cookie}\r\nContent-Length: 0\r\n\r\n".encode())
            return
        self.asked.append(asked)
        self.bodies.append(body)
        self.answer(asked)


def reply(asked: Asked, status: int, plain: Any) -> None:
    content = plain if isinstance(plain, bytes) else json.dumps(plain).encode()
    asked.send(f"HTTP/1.1 {status} Some\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)


@pytest.fixture
def airflow() -> Iterator[Airflow]:
    made = Airflow()
    yield made
    made.server.close()


@pytest.fixture
def endpoint(tmp_path: Path, airflow: Airflow) -> Iterator[Served]:
    with endpoint_before(WebAddress(airflow.server.port), tmp_path) as made:
        yield made


@contextlib.contextmanager
def endpoint_before(door: WebAddress, tmp_path: Path) -> Iterator[Served]:
    """An endpoint with the environment `one`, which has that door, and an old one."""
    registry = Registry.of_folder(tmp_path, {})
    for name, version in (("one", "3.3.1"), ("old", "2.2.2")):
        project = add(tmp_path, name, AirflowVersion=version)
        look = Look(FOR_EVER, is_running=True, is_healthy=True, door=door)
        registry.names()  # the first read of a record drops what was seen before
        registry.looks._looks[project.root_dir] = look
    with served(registry) as made:
        yield made


@pytest.fixture
def invoke(endpoint: Served) -> Invoke:
    client = endpoint.client()

    def invoke(path: str = "/dags", method: str = "GET", name: str = "one", **members: Any) -> dict[str, Any]:
        answer: dict[str, Any] = client.invoke_rest_api(Name=name, Path=path, Method=method, **members)
        return {"status": answer["RestApiStatusCode"], "response": answer["RestApiResponse"]}

    return invoke


def error_of(call: Callable[[], Any]) -> dict[str, Any]:
    """Return code, status and response of the error that a call raises."""
    with pytest.raises(ClientError) as caught:
        call()
    plain: dict[str, Any] = caught.value.response
    found = {"code": plain["Error"]["Code"], "message": plain["Error"]["Message"]}
    return {**found, "status": plain.get("RestApiStatusCode"), "response": plain.get("RestApiResponse")}


def test_request_reaches_airflow_as_it_was_asked_for(invoke: Invoke, airflow: Airflow, tmp_path: Path) -> None:
    query = {"limit": 5, "tags": ["a b", "c&d"], "only_active": True, "none": None, "q": "größe"}
    assert invoke("/dags/x", "POST", QueryParameters=query, Body={"a": [1]}) == {
        "status": 200,
        "response": {"ok": True},
    }
    (asked,) = airflow.asked
    assert asked.line.split()[:2] == [
        "POST",
        "/api/v2/dags/x?limit=5&tags=a+b&tags=c%26d&only_active=true&q=gr%C3%B6%C3%9Fe",
    ]
    assert asked.values("Authorization") == ["Bearer jwt1"]
    assert asked.values("Content-Type") == ["application/json"]
    assert airflow.bodies == [b'{"a": [1]}']
    claims = read(load_secrets(tmp_path / "one" / ".mwaa-local").door_key, WEB, "one", airflow.tokens[0])
    assert (claims.role, claims.user) == ("Admin", "user/local")


def test_door_that_speaks_https_is_asked_by_https_and_must_be_the_right_one(tmp_path: Path) -> None:
    homes = [{"HOME": str(tmp_path / name)} for name in ("ours", "another's")]
    for env in homes:
        (tmp_path / "state").mkdir(exist_ok=True)
        project_certificate(tmp_path / "state", OWN_NAMES, env, datetime.datetime.now(datetime.UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "state" / CERTIFICATE_NAME)  # by the last of them
    airflow = Airflow(context)
    gone = {"HOME": str(tmp_path / "gone")}
    try:
        for env, is_right in ((homes[1], True), (homes[0], False), (gone, False)):
            door = WebAddress(airflow.server.port, str(authority_path(env)))
            with endpoint_before(door, tmp_path / Path(env["HOME"]).name / "made") as endpoint:
                client = endpoint.client()
                call = functools.partial(client.invoke_rest_api, Name="one", Path="/dags", Method="GET")
                if is_right:
                    assert call()["RestApiResponse"] == {"ok": True}
                    assert client.create_web_login_token(Name="one")["WebServerHostname"] == door.host
                else:
                    assert error_of(call)["code"] == "RestApiServerException"
        assert len(airflow.tokens) == 1  # nobody else got one
    finally:
        airflow.server.close()


def test_session_is_kept_and_renewed_when_it_has_ended(invoke: Invoke, airflow: Airflow) -> None:
    invoke()
    invoke()
    assert len(airflow.tokens) == 1

    def only_newest(asked: Asked) -> None:
        is_newest = asked.values("Authorization") == ["Bearer jwt2"]
        reply(asked, 200 if is_newest else 401, {})

    airflow.answer = only_newest
    assert invoke()["status"] == 200
    assert len(airflow.tokens) == 2
    airflow.answer = lambda asked: (
        reply(asked, 403, {"detail": "Invalid JWT token"}) if "jwt2" in str(asked.headers) else reply(asked, 200, {})
    )
    assert invoke()["status"] == 200  # after reset-db, whose database has other keys
    assert len(airflow.tokens) == 3
    airflow.answer = lambda asked: reply(asked, 403, {"detail": "Forbidden"})
    assert error_of(invoke)["status"] == 403
    assert len(airflow.tokens) == 3
    airflow.answer = lambda asked: reply(asked, 401, {"detail": "no"})
    assert error_of(invoke)["code"] == "RestApiClientException"
    assert len(airflow.tokens) == 4


def test_calls_at_once_share_one_login(invoke: Invoke, airflow: Airflow) -> None:
    invoke()
    both = threading.Barrier(2)

    def only_newest(asked: Asked) -> None:
        is_old = asked.values("Authorization") == ["Bearer jwt1"]
        if is_old:
            both.wait(60)
        reply(asked, 401 if is_old else 200, {})

    airflow.answer = only_newest
    with ThreadPoolExecutor() as threads:
        answers = [threads.submit(invoke) for _ in range(2)]
        assert [answer.result()["status"] for answer in answers] == [200, 200]
    assert len(airflow.tokens) == 2


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/dags/d/dagRuns/manual__2026-01-01T00:00:00+00:00", "/dags/d/dagRuns/manual__2026-01-01T00:00:00+00:00"),
        ("/variables/a b#c", "/variables/a%20b%23c"),
        ("/variables/a%2Fb", "/variables/a%2Fb"),
        ("/variables/ключ", "/variables/%D0%BA%D0%BB%D1%8E%D1%87"),
        ("/dags/..hidden/.x", "/dags/..hidden/.x"),
        ("/" + "a" * 200, "/" + "a" * 200),
    ],
)
def test_path_is_escaped_where_it_has_to_be(invoke: Invoke, airflow: Airflow, path: str, line: str) -> None:
    invoke(path)
    assert airflow.asked[0].line.split()[1] == f"/api/v2{line}"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("dags", "begins with /"),
        ("http://example.com/", "begins with /"),
        ("/dags?limit=1", "QueryParameters"),
        ("/../../auth/token", "no . or .."),
        ("/dags/%2e%2e/x", "no . or .."),
        ("/dags/..\\x", "no . or .."),
        ("/dags/%2e%2e%2f%2e%2e/x", "no . or .."),
        ("/dags\r\nHost: x", "printable"),
    ],
)
def test_path_that_would_lead_elsewhere_is_refused(invoke: Invoke, airflow: Airflow, path: str, words: str) -> None:
    error = error_of(lambda: invoke(path))
    assert error["code"] == "ValidationException"
    assert words in error["message"]
    assert airflow.asked == []


@pytest.mark.parametrize("query", [[], "a=b", 5, {"a": {"b": 1}}, {"a": [["b"]]}])
def test_query_must_be_names_and_values(invoke: Invoke, query: Any) -> None:
    assert error_of(lambda: invoke(QueryParameters=query))["code"] == "ValidationException"


@pytest.mark.parametrize(("status", "code"), [(404, "RestApiClientException"), (503, "RestApiServerException")])
def test_airflows_errors_are_errors_with_its_answer(invoke: Invoke, airflow: Airflow, status: int, code: str) -> None:
    airflow.answer = lambda asked: reply(asked, status, {"detail": "why"})
    error = error_of(lambda: invoke("/dags/d x/dagRuns", "POST", QueryParameters={"secret": "s"}))
    assert (error["code"], error["status"], error["response"]) == (code, status, {"detail": "why"})
    assert error["message"] == f"mwaa-local: POST /api/v2/dags/d%20x/dagRuns: Airflow answered {status}: why"
    airflow.answer = lambda asked: reply(asked, status, {"detail": [{"loc": ["body"]}]})
    assert error_of(invoke)["message"] == f"mwaa-local: GET /api/v2/dags: Airflow answered {status}"


def test_redirect_is_not_followed(invoke: Invoke, airflow: Airflow) -> None:
    airflow.answer = lambda asked: asked.send(
        b"HTTP/1.1 307 x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    )
    assert error_of(invoke)["status"] == 307


@pytest.mark.parametrize(
    ("content", "response"), [(b"", {}), (b"a log\n", "a log\n"), (b"[1]", [1]), (b"\xff", "\ufffd")]
)
def test_answer_that_is_no_object_comes_through(
    invoke: Invoke, airflow: Airflow, content: bytes, response: Any
) -> None:
    airflow.answer = lambda asked: reply(asked, 200, content)
    assert invoke()["response"] == response


def test_answer_that_is_too_large_is_an_error(invoke: Invoke, airflow: Airflow) -> None:
    airflow.answer = lambda asked: reply(asked, 200, b'"' + b"a" * (rest.MAX_RESPONSE_BYTES - 2) + b'"')
    assert len(invoke()["response"]) == rest.MAX_RESPONSE_BYTES - 2
    airflow.answer = lambda asked: reply(asked, 200, b'"' + b"a" * (rest.MAX_RESPONSE_BYTES - 1) + b'"')
    error = error_of(invoke)
    assert (error["code"], error["status"]) == ("RestApiServerException", 413)


def test_airflow_that_is_slow_is_an_error(invoke: Invoke, airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rest.TIMEOUT_S == 10
    invoke()
    monkeypatch.setattr(rest, "TIMEOUT_S", 0.3)
    airflow.answer = lambda _: time.sleep(2)
    error = error_of(invoke)
    assert (error["code"], error["status"]) == ("RestApiServerException", 504)
    assert "within" in error["response"]["detail"]
    assert error["message"] == "mwaa-local: GET /api/v2/dags: Airflow did not answer within 0 s (504)"


def test_airflow_that_hangs_up_is_an_error(invoke: Invoke, airflow: Airflow) -> None:
    airflow.answer = lambda asked: asked.hang_up()
    error = error_of(invoke)
    assert (error["code"], error["status"]) == ("RestApiServerException", 502)


def test_release_without_it_says_what_to_do(invoke: Invoke) -> None:
    error = error_of(lambda: invoke(name="old"))
    assert (error["code"], error["message"]) == ("ValidationException", "Update your environment to use InvokeRestApi")


def test_aws_cli_invokes_it_and_gets_tokens(
    endpoint: Served, airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (
        ("create-cli-token", "--name", "one"),
        ("create-web-login-token", "--name", "one"),
        (
            "invoke-rest-api",
            "--name",
            "one",
            "--path",
            "/dags",
            "--method",
            "GET",
            "--query-parameters",
            '{"limit": 1}',
        ),
    ):
        assert aws(endpoint, words, monkeypatch) == 0, capsys.readouterr().err
    printed = capsys.readouterr().out
    hostname = f'"WebServerHostname": "localhost:{airflow.server.port}"'
    assert printed.count(hostname) == 2
    assert '"AirflowIdentity": "user/local"' in printed
    assert '"ok": true' in printed
    assert airflow.asked[0].line.split()[1] == "/api/v2/dags?limit=1"
