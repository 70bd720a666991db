"""The web server of a cell as a user meets it: the login that `up` shows, and the DAG behind it."""

from __future__ import annotations

import http
import re

import httpx

from mwaa_local.release import Release
from tools.release_matrix.command import CellError

# A machine that others use, too; the first page of an old web server takes seconds by itself.
ANSWER_TIMEOUT_S = 180.0


def see_dag(url: str, release: Release, dag_id: str) -> None:
    """Log in and find the DAG. Raises CellError where that does not work."""
    try:
        with httpx.Client(base_url=url, timeout=ANSWER_TIMEOUT_S, follow_redirects=True) as client:
            seen = _page_of_dags(client, release) if release.login else _list_of_dags(client, release)
    except httpx.HTTPError as error:
        raise CellError(f"the web server at {url} does not answer: {error or type(error).__name__}") from error
    if dag_id not in seen:
        raise CellError(f"the web server at {url} does not show the DAG {dag_id!r} after the login")


def _page_of_dags(client: httpx.Client, release: Release) -> str:
    page = client.get("/login/").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    if token is None:
        raise CellError("the login page has no form")
    user, _, password = release.login.partition(" / ")
    answer = client.post("/login/", data={"username": user, "password": password, "csrf_token": token[1]})
    if "Invalid login" in answer.text:
        raise CellError("the login page refuses the login that `up` shows")
    return client.get("/home").text


def _list_of_dags(client: httpx.Client, release: Release) -> str:
    page = client.get("/")
    if page.status_code != http.HTTPStatus.OK:
        raise CellError(f"the first page of the web server answers with {page.status_code}")
    token = client.get("/auth/token").json()["access_token"]
    answer = client.get(f"{release.rest_base}/dags", headers={"Authorization": f"Bearer {token}"})
    return answer.text if answer.status_code == http.HTTPStatus.OK else ""
