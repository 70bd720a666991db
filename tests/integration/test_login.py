"""Signing in with web tokens and running commands with CLI tokens, on every release that MWAA had.

By curl as MWAA's user guide writes it, and on the page of the link in a real browser. Sources: MWAA user guide, "Create
an Apache Airflow web server access token", "Create an Apache Airflow CLI token", "Using the Apache Airflow REST API",
"Apache Airflow access policies".
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from playwright.sync_api import Page, expect

from mwaa_local.api.operations.rest import SINCE as REST_SINCE
from mwaa_local.door.tokens import CLI, WEB, mint
from tests.browser.chromium import TIMEOUT_MS, Visit, chromium
from tests.environments import (
    EVERY_RELEASE,
    LATEST,
    SAMPLE_DAG,
    RunningEnvironment,
    start,
    stopped_at_the_end,
    tiny_files,
    wait_until,
)
from tests.integration.mwaa_service import available, client_of
from tests.integration.test_environment import logged_in

pytestmark = [
    pytest.mark.network,
    pytest.mark.parametrize("environment", EVERY_RELEASE, indirect=True),
]

ROLES = ("Admin", "Op", "User", "Viewer", "Public")
TIMEOUT_S = 120
AS_BROWSER = ("-H", "Sec-Fetch-Mode: cors", "-H", "Sec-Fetch-Site: same-origin")
JSON = ("-H", "Content-Type: application/json")
NO_DAG = "no_such_dag"
# What asks for more and more rights, and the first of ROLES, from the end, that has them.
BY_API = {
    ("GET", "{base}/dags"): "Viewer",
    ("POST", f"{{base}}/dags/{NO_DAG}/dagRuns"): "User",
    ("GET", "{base}/variables"): "Op",
}
PAGES_3 = {("GET", "/auth/users/list/"): "Admin"}
PAGES_2 = {
    ("GET", "/home"): "Viewer",
    ("GET", "/variable/list/"): "Op",
    ("GET", "/users/list/"): "Admin",
}
RUN_ID = "by_cli"
# The same commands in the words of Airflow 1 and of all later releases; of the last, MWAA runs none.
COMMANDS_1 = {
    "list": "list_dags",
    "unpause": "unpause {dag}",
    "trigger": f"trigger_dag -r {RUN_ID} {{dag}}",
    "set": "variables -s by_cli 'two words'",
    "get": "variables -g by_cli",
    "delete": "variables -x by_cli",
    "refused": "list_users",
}
COMMANDS = {
    "list": "dags list",
    "unpause": "dags unpause {dag}",
    "trigger": f"dags trigger -r {RUN_ID} {{dag}}",
    "set": "variables set by_cli 'two words'",
    "get": "variables get by_cli",
    "delete": "variables delete by_cli",
    "refused": "users list",
}
# As Airflow's pages hold it: in a script, in an element, in a form.
CSRF_TOKEN = re.compile(r"""csrf_?token(?:["'], | = |["'] (?:content|value)=)["']([^"']+)["']""", re.IGNORECASE)


@pytest.fixture(scope="module")
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningEnvironment]:
    """The shared environment of the newest release; of another one, a project with one small DAG that it can read."""
    if request.param == LATEST:
        yield request.getfixturevalue("latest_environment")
        return
    with stopped_at_the_end(tmp_path_factory.mktemp("older")) as runner:
        runner.write(tiny_files(request.param))
        yield start(runner, request.param)


@pytest.fixture
def dag(environment: RunningEnvironment) -> str:
    """A DAG that the environment knows by now."""
    name = SAMPLE_DAG if environment.files else "tiny"
    wait_until(lambda: environment.query("SELECT 1 FROM dag WHERE dag_id = %s", name), TIMEOUT_S, f"{name} is known")
    return name


def token(environment: RunningEnvironment, role: str = "Admin", kind: str = WEB, user: str = "") -> str:
    """Return a token as the MWAA API makes it."""
    about = json.loads((environment.project.run_dir / "door.json").read_text())
    return mint(about["keys"]["door"], kind, about["environment"], role=role, user=user or f"user/{role.lower()}")


def curl(environment: RunningEnvironment, path: str, *words: str) -> tuple[int, str]:
    """Return status and body of what curl gets."""
    argv = ["curl", "-sS", "-m", str(TIMEOUT_S), "-w", "\n%{http_code}", *words, environment.url() + path]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=2 * TIMEOUT_S)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def login_path(environment: RunningEnvironment) -> str:
    return "/pluginsv2/aws_mwaa/login" if environment.release.generation == "3.x" else "/aws_mwaa/login"


def sign_in(environment: RunningEnvironment, jar: Path, role: str, *words: str) -> None:
    status, body = curl(
        environment, login_path(environment), "-c", str(jar), "-d", f"token={token(environment, role)}", *words
    )
    assert (status, body) == (200, "")


def cookie(jar: Path, name: str) -> str:
    """Return a cookie's value as curl wrote it down."""
    found = [line.split("\t") for line in jar.read_text().splitlines() if line.count("\t") == 6]
    return next(fields[6] for fields in found if fields[5] == name)


def test_web_token_signs_in_once(environment: RunningEnvironment, tmp_path: Path) -> None:
    made = token(environment)
    status, body = curl(environment, login_path(environment), "-c", str(tmp_path / "jar"), "-d", f"token={made}")
    assert (status, body) == (200, "")
    assert cookie(tmp_path / "jar", "_token" if environment.release.generation == "3.x" else "session")
    status, body = curl(environment, login_path(environment), "-d", f"token={made}")
    assert status == 403
    assert "used already" in body and "mwaa-local open" in body
    other = "/aws_mwaa/login" if environment.release.generation == "3.x" else "/pluginsv2/aws_mwaa/login"
    assert curl(environment, other, "-d", f"token={token(environment)}")[0] == 404
    for wrong in ("", "nonsense", token(environment, kind=CLI), made[:-2]):
        assert curl(environment, login_path(environment), "-d", f"token={wrong}")[0] == 403
    assert made not in environment.run("logs", "door").stdout


@pytest.mark.parametrize("role", ROLES)
def test_role_of_the_token_is_the_users(environment: RunningEnvironment, tmp_path: Path, role: str) -> None:
    jar = tmp_path / "jar"
    sign_in(environment, jar, role)
    is_3, has_api = environment.release.generation == "3.x", environment.release.is_at_least(REST_SINCE)
    asked = {**(BY_API if has_api else {}), **(PAGES_3 if is_3 else PAGES_2)}
    rows = environment.query(
        "SELECT r.name FROM ab_user u JOIN ab_user_role ur ON ur.user_id = u.id JOIN ab_role r ON r.id = ur.role_id"
        " WHERE lower(u.username) = %s",
        f"user/{role.lower()}",
    )
    assert rows == [(role,)]
    bearer = ("-H", f"Authorization: Bearer {cookie(jar, '_token')}") if is_3 else ()
    for (method, path), least in asked.items():
        body = '{"logical_date": null}' if is_3 else "{}"
        # A body that is said to be JSON and is not there is a bad request to 2.7.2's home page.
        words = ["-X", method, *((*JSON, "-d", body) if method == "POST" else ())]
        path = path.format(base=environment.release.rest_base)
        for who in (("-b", str(jar)), bearer):
            if not who or (who == bearer and path.startswith("/auth/")):
                continue  # pages of users know a session only
            status, said = curl(environment, path, *words, *who)
            allowed = ROLES.index(role) <= ROLES.index(least)
            assert (status in (200, 404)) == allowed, (role, method, path, status, said[:300])


def test_page_of_the_link_holds_a_script_and_no_token(environment: RunningEnvironment) -> None:
    status, page = curl(environment, "/aws_mwaa/aws-console-sso?login=true", "-D", "-")
    assert status == 200
    assert f'data-post="{login_path(environment)}"' in page
    assert "Content-Security-Policy: default-src 'none'; script-src 'sha256-" in page
    assert not re.search(r'(?:src|href)="', page)  # it works without a network


def test_who_brings_nothing_comes_as_before(environment: RunningEnvironment, dag: str) -> None:
    if environment.release.login:
        status, answer = curl(environment, "/home", "-D", "-")
        assert status == 302 and re.search(r"(?mi)^location: .*/login/", answer)
        with logged_in(environment) as client:
            assert dag in client.get("/home").text
        return
    assert curl(environment, "/api/v2/variables")[0] == 200
    assert curl(environment, "/auth/users/list/")[0] == 200
    status, body = curl(environment, "/auth/token")  # what Airflow's own manager without a login answers
    assert status == 201
    assert (
        curl(environment, "/api/v2/dags", "-H", f"Authorization: Bearer {json.loads(body)['access_token']}")[0] == 200
    )


def test_browser_gets_names_of_this_environments_own(environment: RunningEnvironment, tmp_path: Path) -> None:
    jar, name = tmp_path / "jar", "_token" if environment.release.generation == "3.x" else "session"
    sign_in(environment, jar, "Viewer", *AS_BROWSER)
    ours = re.findall(rf"mwaa-local-[0-9a-f]+-{name}", jar.read_text())
    assert len(ours) == 1
    page = "/api/v2/variables" if environment.release.generation == "3.x" else "/variable/list/"
    refused = 403 if environment.release.generation == "3.x" else 302
    foreign = ("-b", "session=of-another; _token=of-another; mwaa-local-0123456789-_token=x")
    assert curl(environment, page, "-b", str(jar), *AS_BROWSER)[0] == refused
    # Another Airflow on another port of the same host changes nothing, and a session here takes none away there.
    value = f"{ours[0]}={cookie(jar, ours[0])}; "
    status, answer = curl(environment, page, "-b", value + foreign[1], *AS_BROWSER, "-D", "-")
    assert status == refused
    assert not re.search(r"(?mi)^set-cookie: (?:session|_token)=", answer)


def test_headers_that_airflow_might_believe_change_nothing(environment: RunningEnvironment, tmp_path: Path) -> None:
    """gunicorn, of 2.x, takes SCRIPT_NAME from whoever comes from 127.0.0.1. What goes no further: tests/unit/door."""
    jar = tmp_path / "jar"
    sign_in(environment, jar, "Viewer")
    path = "/auth/users/list/" if environment.release.generation == "3.x" else "/users/list/"

    def answer(header: str = "X-Nothing") -> tuple[int, list[str]]:
        status, text = curl(environment, path, "-b", str(jar), "-D", "-", "-H", f"{header}: /elsewhere")
        return status, re.findall(r"(?mi)^location: *(.*?)\r?$", text)

    as_it_is = answer()
    assert as_it_is[0] == 302
    for name in ("SCRIPT_NAME", "X-Script-Name", "X-Forwarded-Prefix", "X-Forwarded-Host", "Remote-User"):
        assert answer(name) == as_it_is


def test_open_leads_the_browser_in_and_no_command_line_has_the_token(
    environment: RunningEnvironment, tmp_path: Path
) -> None:
    browser, said = tmp_path / "browser", tmp_path / "said"
    browser.write_text(f'#!/bin/sh\necho "$@" >{said}\ncurl -s -o /dev/null -w "%{{redirect_url}}" "$1" >>{said}\n')
    browser.chmod(0o755)
    opened = environment.runner.run("open", "--role", "viewer", env={"BROWSER": str(browser)})
    assert opened.exit_code == 0, opened.stderr
    assert f"opened {environment.url()} as Viewer" in opened.stderr
    started_with, led_to = said.read_text().split("\n")
    assert started_with.startswith("http://127.0.0.1:")
    address, _, made = led_to.partition("#")
    assert address == f"{environment.url()}/aws_mwaa/aws-console-sso?login=true"
    assert made and made not in started_with
    assert curl(environment, login_path(environment), "-d", f"token={made}")[0] == 200
    assert environment.query("SELECT count(*) FROM ab_user WHERE username = 'mwaa-local/viewer'") == [(1,)]
    printed = environment.run("open", "--print").stdout.strip()
    assert curl(environment, login_path(environment), "-d", f"token={printed.partition('#')[2]}")[0] == 200


def pause(environment: RunningEnvironment, jar: Path, dag: str, wanted: bool) -> int:
    """Pause or unpause a DAG as the switch on Airflow's page does; return the status of the answer."""
    if environment.release.generation == "3.x":
        body = json.dumps({"is_paused": wanted})
        path = f"{environment.release.rest_base}/dags/{dag}"
        return curl(environment, path, *JSON, "-b", str(jar), "-X", "PATCH", "-d", body)[0]
    page = curl(environment, "/home", "-b", str(jar), "-c", str(jar))[1]
    found = CSRF_TOKEN.search(page)
    assert found, page
    path = f"/paused?is_paused={'false' if wanted else 'true'}&dag_id={dag}"  # the state that it shows
    return curl(environment, path, "-b", str(jar), "-X", "POST", "-H", f"X-CSRFToken: {found[1]}")[0]


def test_viewer_changes_nothing_that_an_admin_does(environment: RunningEnvironment, tmp_path: Path, dag: str) -> None:
    def is_paused() -> bool:
        return bool(environment.query("SELECT is_paused FROM dag WHERE dag_id = %s", dag)[0][0])

    before = is_paused()
    for role in ("Viewer", "Admin"):
        sign_in(environment, tmp_path / role, role)
    assert pause(environment, tmp_path / "Viewer", dag, not before) in (302, 403)
    assert is_paused() == before
    for wanted in (not before, before):
        assert pause(environment, tmp_path / "Admin", dag, wanted) == 200
        assert is_paused() == wanted


def command(environment: RunningEnvironment, words: str, token: str = "") -> tuple[int, str]:
    """Return status and body of the answer to a command with a CLI token of its own."""
    if not token:
        client = client_of(environment)
        token = client.create_cli_token(Name=available(client))["CliToken"]
    plain = ("-H", f"Authorization: Bearer {token}", "-H", "Content-Type: text/plain")
    return curl(environment, "/aws_mwaa/cli", *plain, "--data-raw", words)


def output(environment: RunningEnvironment, words: str) -> str:
    """Return what a command wrote to stdout."""
    status, body = command(environment, words)
    assert status == 200, body
    said = {name: base64.b64decode(text).decode() for name, text in json.loads(body).items()}
    assert said["stdout"], said["stderr"]
    return said["stdout"]


@pytest.mark.full
def test_commands_of_the_release_run_and_no_others(environment: RunningEnvironment, dag: str) -> None:
    release = environment.release
    commands = COMMANDS_1 if COMMANDS_1["list"] in release.cli_commands else COMMANDS
    assert output(environment, "version").split()[-1] == release.airflow_version
    assert dag in output(environment, commands["list"])
    output(environment, commands["unpause"].format(dag=dag))
    output(environment, commands["trigger"].format(dag=dag))
    assert environment.wait_for_run(dag, RUN_ID) == "success"
    command(environment, commands["set"])
    assert output(environment, commands["get"]).splitlines()[-1] == "two words"
    command(environment, commands["delete"])
    assert environment.query("SELECT 1 FROM variable WHERE key = 'by_cli'") == []
    why = f"{commands['refused']} is not among the commands that MWAA runs for Airflow {release.airflow_version}.\n"
    assert command(environment, commands["refused"]) == (400, why)
    assert command(environment, "version", token(environment, kind=WEB))[0] == 403


@pytest.mark.full
def test_rest_api_is_invoked_where_the_release_has_it(environment: RunningEnvironment, dag: str) -> None:
    client = client_of(environment)
    name = available(client)
    if not environment.release.is_at_least(REST_SINCE):
        with pytest.raises(ClientError, match="Update your environment to use InvokeRestApi"):
            client.invoke_rest_api(Name=name, Path="/dags", Method="GET")
        return
    found = client.invoke_rest_api(Name=name, Path=f"/dags/{dag}", Method="GET")["RestApiResponse"]
    assert found["dag_id"] == dag
    new_run = {"logical_date": None} if environment.release.generation == "3.x" else {}
    made = client.invoke_rest_api(Name=name, Path=f"/dags/{dag}/dagRuns", Method="POST", Body=new_run)
    assert made["RestApiStatusCode"] == 200
    assert environment.run_state(dag, made["RestApiResponse"]["dag_run_id"])


def users_page(environment: RunningEnvironment, page: Page) -> str:
    """Return what the page that only an Admin may see shows."""
    page.goto(environment.url() + ("/auth" if environment.release.generation == "3.x" else "") + "/users/list/")
    return page.inner_text("body")


@pytest.mark.full
def test_page_of_the_link_signs_a_browser_in(environment: RunningEnvironment, dag: str) -> None:
    dags = "/dags" if environment.release.generation == "3.x" else "/home"
    with chromium() as browser:
        for role in ("Admin", "Viewer"):
            page = Visit.begin(browser).page
            page.goto(environment.run("open", "--print", "--role", role).stdout.strip())
            page.wait_for_url(lambda url: "sso" not in url)
            assert "#" not in page.url and "token" not in page.url
            # What another Airflow 3.0 on the same port may have left there: its pages would come with that.
            page.evaluate("localStorage.setItem('token', 'of.another.airflow')")
            page.goto(environment.url() + dags)
            expect(page.get_by_text(dag).first).to_be_visible(timeout=TIMEOUT_MS)
            assert ("List Users" in users_page(environment, page)) == (role == "Admin")
