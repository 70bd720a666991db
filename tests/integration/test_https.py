"""A real environment whose front door speaks https: to curl, browsers and boto3, with Airflow behind it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mwaa_local.door.tokens import WEB, mint
from mwaa_local.healthy import health_page_answers
from mwaa_local.https.place import authority_path
from mwaa_local.services.door import CONFIGURATION_NAME
from tests.browser.chromium import Visit, chromium
from tests.environments import LATEST, RunningEnvironment, start, stopped_at_the_end, tiny_files
from tests.integration.mwaa_service import available, client_of
from tests.integration.test_browser_login import open_airflow, users_page

pytestmark = [
    pytest.mark.network,
    pytest.mark.full,
    pytest.mark.parametrize("environment", (LATEST, "2.10.3", "2.2.2"), indirect=True),
]
TIMEOUT_S = 120
NOT_TRUSTED = 60  # curl(1), EXIT CODES
AS_BROWSER = ("-H", "Sec-Fetch-Mode: cors", "-H", "Sec-Fetch-Site: same-origin")


@pytest.fixture(scope="module")
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningEnvironment]:
    """A project with one small DAG and `Https: true`, running."""
    with stopped_at_the_end(tmp_path_factory.mktemp("https")) as runner:
        runner.write(tiny_files(request.param, Local={"Https": True}))
        yield start(runner, request.param)


def curl(environment: RunningEnvironment, path: str, *words: str) -> str:
    """Return heads and bodies of what curl gets that trusts the user's authority and nobody else."""
    trust = ["--cacert", str(authority_path(environment.runner.env))]
    argv = ["curl", "-sSi", "-m", str(TIMEOUT_S), *trust, *words, environment.url() + path]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=2 * TIMEOUT_S)
    return done.stdout


def statuses(heads: str) -> list[int]:
    return [int(each) for each in re.findall(r"(?m)^HTTP/1\.1 (\d+)", heads)]


def values(heads: str, name: str) -> list[str]:
    return re.findall(rf"(?mi)^{name}: ([^\r\n]*)", heads)


def sign_in(environment: RunningEnvironment, *words: str) -> str:
    """Return the answer to a web token that is used."""
    about = json.loads((environment.project.run_dir / CONFIGURATION_NAME).read_text())
    path = "/pluginsv2/aws_mwaa/login" if environment.release.generation == "3.x" else "/aws_mwaa/login"
    token = mint(about["keys"]["door"], WEB, about["environment"], role="Admin", user="user/me")
    return curl(environment, path, "-d", f"token={token}", *words)


def test_web_server_alone_believes_whom_it_is_told_about(environment: RunningEnvironment) -> None:
    believers = [each.name for each in environment.plan().components if "FORWARDED_ALLOW_IPS" in each.env]
    assert believers == ["webserver"]


def test_up_names_the_address_and_who_vouches_for_it(environment: RunningEnvironment) -> None:
    said, authority = environment.started.stderr, authority_path(environment.runner.env)
    assert re.search(r"web server +https://localhost:\d+\n", said)
    assert f"vouched for by {authority}\n" in said
    assert "docs/https.md" in said
    status = environment.status()
    assert (status["url"], status["authority"], status["healthy"]) == (environment.url(), str(authority), True)
    assert environment.url().startswith("https://")
    assert health_page_answers(environment.plan())


def test_nobody_trusts_it_who_was_not_told_to(environment: RunningEnvironment) -> None:
    argv = ["curl", "-sS", environment.url()]
    assert subprocess.run(argv, capture_output=True, check=False, timeout=TIMEOUT_S).returncode == NOT_TRUSTED


def test_redirects_stay_with_https(environment: RunningEnvironment) -> None:
    paths = ["/", "/auth/login"] if environment.release.generation == "3.x" else ["/", "/home", "/dagrun/list"]
    for path in paths:
        heads = curl(environment, path, "-L", "--proto-redir", "=https")
        assert statuses(heads)[-1] == 200, heads[:1000]
        for location in values(heads, "location"):
            assert location.startswith(("/", environment.url())), location


@pytest.mark.parametrize("words", [(), AS_BROWSER])
def test_cookies_of_a_session_are_for_https_alone(
    environment: RunningEnvironment, tmp_path: Path, words: tuple[str, ...]
) -> None:
    jar = tmp_path / "jar"
    heads = sign_in(environment, "-c", str(jar), *words)
    assert statuses(heads) == [200]
    cookies = values(heads, "set-cookie")
    wanted = ("session", "_token") if environment.release.generation == "3.x" else ("session",)
    names = [cookie.partition("=")[0] for cookie in cookies]
    assert all(any(name.endswith(each) for name in names) for each in wanted), names
    assert all("; Secure" in cookie and "; HttpOnly" in cookie for cookie in cookies)
    users = "/auth/users/list/" if environment.release.generation == "3.x" else "/users/list/"
    page = curl(environment, users, "-b", str(jar), *words)
    assert statuses(page) == [200] and "user/me" in page
    assert all("secure" in cookie.lower() for cookie in values(page, "set-cookie"))


def test_password_is_taken_from_airflows_own_page(environment: RunningEnvironment, tmp_path: Path) -> None:
    """As a browser sends its form: over https, Airflow asks for the page that it came from."""
    if not environment.release.login:
        assert statuses(curl(environment, "/api/v2/variables")) == [200]  # nobody need sign in
        return
    jar = str(tmp_path / "jar")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', curl(environment, "/login/", "-c", jar))
    assert token
    user, _, password = environment.release.login.partition(" / ")
    form = ["-d", f"username={user}", "-d", f"password={password}", "--data-urlencode", f"csrf_token={token[1]}"]
    heads = curl(environment, "/login/", "-b", jar, "-c", jar, "-e", f"{environment.url()}/login/", *form)
    assert statuses(heads) == [302], heads[:2000]
    assert statuses(curl(environment, "/home", "-b", jar)) == [200]


def test_api_of_mwaa_reaches_airflow(environment: RunningEnvironment) -> None:
    mwaa = client_of(environment)
    name = available(mwaa)
    shown = mwaa.get_environment(Name=name)["Environment"]
    assert f"https://{shown['WebserverUrl']}" == environment.url()
    if environment.release.is_at_least("2.4.3"):
        answer = mwaa.invoke_rest_api(Name=name, Method="GET", Path="/dags")
        assert answer["RestApiStatusCode"] == 200
    hostname = mwaa.create_cli_token(Name=name)["WebServerHostname"]
    assert f"https://{hostname}" == environment.url()


def test_way_in_begins_with_https(environment: RunningEnvironment) -> None:
    printed = environment.run("open", "--print").stdout
    assert printed.startswith(f"{environment.url()}/aws_mwaa/aws-console-sso?login=true#")


def test_console_page_leads_a_browser_into_airflow(environment: RunningEnvironment) -> None:
    """Which page of http and which of https come from one site is the browser's to say."""
    with chromium() as browser:
        page = Visit.begin(browser, ignore_https_errors=True).page  # no test changes what a machine trusts
        open_airflow(environment, page, "Admin")
        assert page.url.startswith(environment.url())
        cookies = page.context.cookies(environment.url())
        assert {"session"} <= {str(cookie.get("name")).rpartition("-")[2] for cookie in cookies}
        assert all(cookie.get("secure") for cookie in cookies), cookies
        assert "List Users" in users_page(environment, page)


@pytest.mark.disturbs
def test_another_up_brings_http_back_and_https_again(environment: RunningEnvironment) -> None:
    secure = environment.url()
    certificate = (environment.project.state_dir / "https.pem").read_text()
    for is_secure in (False, True):
        environment.runner.write(tiny_files(environment.release.airflow_version, Local={"Https": is_secure}))
        assert environment.run("up", "--port", "0").exit_code == 0
        assert environment.url() == (secure if is_secure else secure.replace("https://", "http://"))
        assert bool(environment.status()["authority"]) == is_secure
        heads = curl(environment, "/", "-L")
        assert statuses(heads)[-1] == 200
        environment.wait_until_healthy()
    assert (environment.project.state_dir / "https.pem").read_text() == certificate  # trusted and good as before
