"""MWAA's API for an environment that `up` started: status, tokens, Airflow's REST API, by boto3 on the API's port."""

from __future__ import annotations

import base64
import json
import os
import signal
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.environments import EACH_GENERATION, LATEST, RunningEnvironment, wait_until
from tests.integration.mwaa_service import AVAILABLE_TIMEOUT_S, api_of, available, client_of

RUNS = {"3.3.1": "/dags/hello_mwaa/dagRuns", "2.10.3": "/dags/hello_mwaa/dagRuns"}
NEW_RUN = {"3.3.1": {"logical_date": None}, "2.10.3": {}}


@pytest.fixture
def client(environment: RunningEnvironment) -> Any:
    return client_of(environment)


@pytest.fixture
def name(client: Any) -> str:
    return available(client)


def posted(url: str, body: str, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.parametrize("environment", EACH_GENERATION, indirect=True)
def test_environment_of_up_is_available_and_takes_tokens(
    environment: RunningEnvironment, client: Any, name: str
) -> None:
    found = client.get_environment(Name=name)["Environment"]
    assert found["AirflowVersion"] == environment.release.airflow_version
    assert found["WebserverUrl"] == f"localhost:{environment.plan().ports['door']}"
    token = client.create_cli_token(Name=name)
    url = f"http://{token['WebServerHostname']}/aws_mwaa/cli"
    status, content = posted(
        url, "version", Authorization=f"Bearer {token['CliToken']}", **{"Content-Type": "text/plain"}
    )
    assert status == 200, content
    assert environment.release.airflow_version in base64.b64decode(json.loads(content)["stdout"]).decode()
    web = client.create_web_login_token(Name=name)
    assert (web["IamIdentity"], web["AirflowIdentity"]) == ("user/local", "user/local")
    path = "/pluginsv2/aws_mwaa/login" if environment.release.generation == "3.x" else "/aws_mwaa/login"
    login = f"http://{web['WebServerHostname']}{path}"
    assert posted(login, f"token={token['CliToken']}")[0] == 403
    assert posted(login, f"token={web['WebToken']}")[0] == 200
    assert posted(login, f"token={web['WebToken']}")[0] == 403


@pytest.mark.parametrize("environment", EACH_GENERATION, indirect=True)
def test_rest_api_is_invoked(environment: RunningEnvironment, client: Any, name: str) -> None:
    version = environment.release.airflow_version
    if version not in RUNS:
        with pytest.raises(ClientError, match="Update your environment to use InvokeRestApi"):
            client.invoke_rest_api(Name=name, Path="/dags", Method="GET")
        return
    wait_until(
        lambda: client.invoke_rest_api(Name=name, Path="/dags", Method="GET")["RestApiResponse"]["total_entries"],
        AVAILABLE_TIMEOUT_S,
        "DAGs are there",
    )
    made = client.invoke_rest_api(Name=name, Path=RUNS[version], Method="POST", Body=NEW_RUN[version])
    assert made["RestApiStatusCode"] == 200
    run = f"{RUNS[version]}/{made['RestApiResponse']['dag_run_id']}"
    assert len(run) > 64
    assert client.invoke_rest_api(Name=name, Path=run, Method="GET")["RestApiResponse"]["dag_id"] == "hello_mwaa"
    variable = {"key": "of_the_api", "value": "1"}
    assert client.invoke_rest_api(Name=name, Path="/variables", Method="POST", Body=variable)["RestApiStatusCode"] < 300
    removed = client.invoke_rest_api(Name=name, Path="/variables/of_the_api", Method="DELETE")
    assert (removed["RestApiStatusCode"], removed["RestApiResponse"]) == (204, {})
    with pytest.raises(client.exceptions.RestApiClientException) as caught:
        client.invoke_rest_api(Name=name, Path="/variables/of_the_api", Method="GET")
    assert caught.value.response["RestApiStatusCode"] == 404
    assert caught.value.response["RestApiResponse"]["detail"]


@pytest.mark.parametrize("environment", [LATEST], indirect=True)
def test_api_that_was_killed_is_there_again_after_up(environment: RunningEnvironment) -> None:
    api = api_of(environment)
    before = api.find_or_start(api.asked())
    os.kill(before.pid, signal.SIGKILL)
    outcome = environment.run("up", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    wait_until(lambda: api.address, AVAILABLE_TIMEOUT_S, "the API answers")
    after = api.address
    assert after is not None
    assert (after.port, after.pid == before.pid) == (before.port, False)
