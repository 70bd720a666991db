"""Signing in with web tokens, by curl as MWAA's user guide writes it, on real Airflow with each of its roles.

Sources: MWAA user guide, "Create an Apache Airflow web server access token", "Using the Apache Airflow REST API" and
"Apache Airflow access policies".
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from mwaa_local.door.tokens import CLI, WEB, mint
from tests.environments import EACH_GENERATION, RunningEnvironment

pytestmark = [
    pytest.mark.network,
    pytest.mark.parametrize("environment", EACH_GENERATION, indirect=True),
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
    is_3, has_api = environment.release.generation == "3.x", environment.release.airflow_version != "2.2.2"
    asked = {**(BY_API if has_api else {}), **(PAGES_3 if is_3 else PAGES_2)}
    rows = environment.query(
        "SELECT r.name FROM ab_user u JOIN ab_user_role ur ON ur.user_id = u.id JOIN ab_role r ON r.id = ur.role_id"
        " WHERE lower(u.username) = %s",
        f"user/{role.lower()}",
    )
    assert rows == [(role,)]
    bearer = ("-H", f"Authorization: Bearer {cookie(jar, '_token')}") if is_3 else ()
    for (method, path), least in asked.items():
        words = [*JSON, "-X", method, *(["-d", '{"logical_date": null}' if is_3 else "{}"] if method == "POST" else [])]
        path = path.format(base=environment.release.rest_base)
        for who in (("-b", str(jar)), bearer):
            if not who or (who == bearer and path.startswith("/auth/")):
                continue  # pages of users know a session only
            status, body = curl(environment, path, *words, *who)
            allowed = ROLES.index(role) <= ROLES.index(least)
            assert (status in (200, 404)) == allowed, (role, method, path, status, body[:300])


def test_page_of_the_link_holds_a_script_and_no_token(environment: RunningEnvironment) -> None:
    status, page = curl(environment, "/aws_mwaa/aws-console-sso?login=true", "-D", "-")
    assert status == 200
    assert f'data-post="{login_path(environment)}"' in page
    assert "Content-Security-Policy: default-src 'none'; script-src 'sha256-" in page
    assert not re.search(r'(?:src|href)="', page)  # it works without a network


def test_who_brings_nothing_comes_as_before(environment: RunningEnvironment) -> None:
    if environment.release.login:
        status, answer = curl(environment, "/home", "-D", "-")
        assert status == 302 and re.search(r"(?mi)^location: .*/login/", answer)
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
