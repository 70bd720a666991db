"""Airflow behind the front door, and its commands through `/aws_mwaa/cli`, by curl as AWS's guide for MWAA writes it.

MWAA user guide, "Creating an Apache Airflow CLI token" and "Apache Airflow CLI command reference".
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from mwaa_local.door.tokens import CLI, mint
from mwaa_local.services.door import CONFIGURATION_NAME
from tests.airflow_output import json_in
from tests.environments import EACH_GENERATION, SAMPLE_DAG, RunningEnvironment, wait_until
from tests.integration.test_environment import logged_in

pytestmark = [
    pytest.mark.network,
    pytest.mark.parametrize("environment", EACH_GENERATION, indirect=True),
]

COMMAND_TIMEOUT_S = 300.0  # a command is seconds on a quiet machine
LINE = "line {:06} of a large log, no two of which are alike: Airflow shows such lines once\n"
LINES = 30_000  # 2.5 MB
RUN_ID = "through_the_door"


def token(environment: RunningEnvironment) -> str:
    about = json.loads((environment.project.run_dir / CONFIGURATION_NAME).read_text())
    return mint(about["keys"]["door"], CLI, about["environment"])


def curl(environment: RunningEnvironment, folder: Path, command: str) -> tuple[int, bytes]:
    """Run a command as the guide does, but for the token's way: in a command line it could be seen."""
    header = folder / "header"
    header.write_text(f"Authorization: Bearer {token(environment)}\nContent-Type: text/plain\n")
    argv = ["curl", "-sS", "-w", "\n%{http_code}", "--request", "POST", f"{environment.url()}/aws_mwaa/cli"]
    words: Sequence[str] = [*argv, "-H", f"@{header}", "--data-raw", command]
    done = subprocess.run(words, capture_output=True, check=True, timeout=COMMAND_TIMEOUT_S)
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), body


def output(environment: RunningEnvironment, folder: Path, command: str) -> str:
    status, body = curl(environment, folder, command)
    plain = json.loads(body)
    assert (status, sorted(plain)) == (200, ["stderr", "stdout"]), plain
    found = base64.b64decode(plain["stdout"]).decode()
    assert found, base64.b64decode(plain["stderr"]).decode()
    return found


def test_version_is_the_environments(environment: RunningEnvironment, tmp_path: Path) -> None:
    assert output(environment, tmp_path, "version").splitlines()[-1] == environment.release.airflow_version


def test_dags_are_listed(environment: RunningEnvironment, tmp_path: Path) -> None:
    dags = json_in(output(environment, tmp_path, "dags list -o json"))
    assert SAMPLE_DAG in {dag["dag_id"] for dag in dags}


def test_triggered_run_gets_its_configuration_and_succeeds(environment: RunningEnvironment, tmp_path: Path) -> None:
    conf = """'{"key": "two words"}'"""
    output(environment, tmp_path, f"dags trigger -r {RUN_ID} -c {conf} {SAMPLE_DAG}")
    assert environment.wait_for_run(SAMPLE_DAG, RUN_ID) == "success"


def test_variable_is_set_read_and_removed(environment: RunningEnvironment, tmp_path: Path) -> None:
    output(environment, tmp_path, """variables set through_the_door '{"a": [1, "two words"]}'""")
    try:
        found = output(environment, tmp_path, "variables get through_the_door")
        assert json.loads(found.splitlines()[-1]) == {"a": [1, "two words"]}
    finally:
        curl(environment, tmp_path, "variables delete through_the_door")
    assert environment.query("SELECT 1 FROM variable WHERE key = 'through_the_door'") == []


def test_command_ran_as_the_user_of_mwaas_containers(environment: RunningEnvironment, tmp_path: Path) -> None:
    output(environment, tmp_path, "variables set of_whom x")
    owners = environment.query("SELECT owner FROM log WHERE event = 'cli_variables_set' AND extra LIKE %s", "%of_whom%")
    assert owners == [("airflow",)]
    output(environment, tmp_path, "variables delete of_whom")


def test_command_that_mwaa_does_not_run_is_refused(environment: RunningEnvironment, tmp_path: Path) -> None:
    status, body = curl(environment, tmp_path, "users list")
    version = environment.release.airflow_version
    assert status == 400
    assert body.decode() == f"users list is not among the commands that MWAA runs for Airflow {version}.\n"


@pytest.mark.full
def test_command_that_fails_says_so_in_its_output(environment: RunningEnvironment, tmp_path: Path) -> None:
    status, body = curl(environment, tmp_path, "dags trigger no_such_dag")
    plain = json.loads(body)
    written = base64.b64decode(plain["stdout"]) + base64.b64decode(plain["stderr"])
    assert status == 200
    assert b"no_such_dag" in written


@contextmanager
def browser(environment: RunningEnvironment) -> Iterator[httpx.Client]:
    """Give a client that sees Airflow's pages, through the login page where there is one."""
    if environment.release.login:
        with logged_in(environment) as client:
            yield client
    else:
        with httpx.Client(base_url=environment.url(), timeout=60, follow_redirects=True) as client:
            yield client


def directly(environment: RunningEnvironment, client: httpx.Client, path: str) -> httpx.Response:
    """Ask the web server behind the door, as the door does."""
    port = environment.plan().ports["webserver"]
    door = httpx.URL(environment.url())
    headers = {"Host": f"{door.host}:{door.port}", "Cookie": "; ".join(f"{k}={v}" for k, v in client.cookies.items())}
    return httpx.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=60)


@pytest.mark.full
def test_page_and_what_it_loads_are_those_of_the_web_server(environment: RunningEnvironment) -> None:
    with browser(environment) as client:
        page = client.get("/home" if environment.release.login else "/")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        loaded = re.findall(r'(?:src|href)="(?:\./)?(/?static/[^"]+\.(?:js|css))"', page.text)
        assert loaded
        for path in {f"/{path.lstrip('/')}" for path in loaded}:
            assert client.get(path).content == directly(environment, client, path).content


@pytest.mark.full
def test_redirect_leads_to_the_address_that_was_asked(environment: RunningEnvironment) -> None:
    if not environment.release.login:
        pytest.skip("nothing of it redirects without a login")
    answer = httpx.get(f"{environment.url()}/home", timeout=60)
    assert answer.status_code == 302
    there = httpx.URL(environment.url()).join(answer.headers["location"])
    assert (there.host, there.port) == (httpx.URL(environment.url()).host, httpx.URL(environment.url()).port)
    assert there.path == "/login/"


def test_rest_answers_through_the_door(environment: RunningEnvironment) -> None:
    path = f"{environment.release.rest_base}/dags/{SAMPLE_DAG}"
    with browser(environment) as client:
        answer = client.get(path)
        if environment.release.login:  # else the door alone makes an admin of whoever comes
            assert answer.content == directly(environment, client, path).content
    if environment.release.airflow_version == "2.2.2":  # its REST API lets nobody in, on MWAA too
        assert answer.status_code in (401, 403)
    else:
        assert answer.json()["dag_id"] == SAMPLE_DAG


@pytest.mark.full
def test_large_task_log_comes_whole(environment: RunningEnvironment) -> None:
    column = "execution_date" if environment.release.login else "logical_date"
    query = f"SELECT run_id, CAST({column} AS varchar) FROM dag_run WHERE dag_id = %s AND state = 'success' ORDER BY id"
    run, date = environment.query(query, SAMPLE_DAG)[0]
    with large_log(environment, run, date), browser(environment) as client:
        text = shown_log(environment, client, run, date)
    assert len(set(re.findall(r"line (\d{6}) of a large log", text))) == LINES


@contextmanager
def large_log(environment: RunningEnvironment, run_id: str, date: str | None) -> Iterator[None]:
    """Let the log of a task that has ended be large."""
    folder = environment.airflow_home_dir / "logs"
    found = [path for path in folder.rglob("*1.log") if "say_goodbye" in str(path) and SAMPLE_DAG in str(path)]
    signs = (f"run_id={run_id}/", (date or "never").replace(" ", "T")[: len("2026-11-30T06:55:21.165022")])
    path = next(path for path in found if any(sign in str(path) for sign in signs))
    before = path.read_bytes()
    path.write_bytes(before + "".join(map(LINE.format, range(LINES))).encode())
    try:
        yield
    finally:
        path.write_bytes(before)


def shown_log(environment: RunningEnvironment, client: httpx.Client, run_id: str, date: str) -> str:
    """Return the log as Airflow's own page asks for it."""
    if not environment.release.login:
        path = f"/api/v2/dags/{SAMPLE_DAG}/dagRuns/{run_id}/taskInstances/say_goodbye/logs/1"
        return client.get(path, params={"full_content": "true"}, headers={"Accept": "application/x-ndjson"}).text
    params: dict[str, Any] = {
        "dag_id": SAMPLE_DAG,
        "task_id": "say_goodbye",
        "execution_date": date.replace(" ", "T"),
        "map_index": "-1",
        "try_number": "1",
        "metadata": "null",
        "format": "file",
    }
    return wait_until(lambda: client.get("/get_logs_with_metadata", params=params).text, 60, "the log")
