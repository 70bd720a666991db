"""Airflow's own pages in a real browser: from the console page by token, in a role, to the tasks of a DAG's runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from mwaa_local.api.address import ApiFolder
from tests.browser.chromium import TIMEOUT_MS, Visit, chromium
from tests.environments import EACH_GENERATION, SAMPLE_DAG, RunningEnvironment

pytestmark = [
    pytest.mark.network,
    pytest.mark.parametrize("environment", EACH_GENERATION, indirect=True),
]
TASKS = ("read_option", "read_startup_variable", "use_plugin", "say_goodbye")
USERS, USERS_3 = "/users/list/", "/auth/users/list/"  # which only an Admin may see
# Where Airflow shows the tasks of a DAG's runs, by the beginning of its version; the grid came with 2.3.
GRIDS = {"2.2": "/tree?dag_id={dag}", "2.": "/dags/{dag}/grid", "3.": "/dags/{dag}"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def console_of(environment: RunningEnvironment) -> str:
    address = ApiFolder.of(environment.project.state_dir).address
    assert address is not None, "`up` has started no API"
    return f"{address.url}/_mwaa-local/"


def grid_of(environment: RunningEnvironment) -> str:
    version = environment.release.airflow_version
    path = next(path for beginning, path in GRIDS.items() if version.startswith(beginning))
    return environment.url() + path.format(dag=SAMPLE_DAG)


def sign_in(environment: RunningEnvironment, browser: Browser, role: str) -> Page:
    """Open Airflow as somebody new, and return its first page."""
    page = Visit.begin(browser).page
    open_airflow(environment, page, role)
    return page


def open_airflow(environment: RunningEnvironment, page: Page, role: str) -> None:
    """Press the console page's button, and wait until Airflow's first page is there."""
    page.goto(console_of(environment))
    page.get_by_role("rowheader").get_by_role("link").click()
    expect(page.locator("#summary")).to_contain_text("AVAILABLE")
    page.get_by_label("Role").select_option(role)
    page.get_by_role("button", name="Open Airflow UI").click()
    page.wait_for_url(lambda url: url.startswith(environment.url()) and "sso" not in url)


def users_page(environment: RunningEnvironment, page: Page) -> str:
    """Return what the page that only an Admin may see shows."""
    page.goto(environment.url() + (USERS_3 if environment.release.generation == "3.x" else USERS))
    return page.inner_text("body")


def test_button_of_the_console_page_leads_to_the_tasks_of_a_run(
    environment: RunningEnvironment, browser: Browser
) -> None:
    page = sign_in(environment, browser, "Admin")
    assert "#" not in page.url and "token" not in page.url, "the token left the address"
    page.goto(grid_of(environment))
    for task in TASKS:
        expect(page.get_by_text(task).first).to_be_visible(timeout=TIMEOUT_MS)
    page.go_back()
    assert "sso" not in page.url  # nor is it in the history
    assert "List Users" in users_page(environment, page)


def test_role_decides_what_is_shown(environment: RunningEnvironment, browser: Browser) -> None:
    page = sign_in(environment, browser, "Viewer")
    expect(page.get_by_text("DAGs", exact=False).first).to_be_visible(timeout=TIMEOUT_MS)
    assert "List Users" not in users_page(environment, page)


def test_token_opens_once(environment: RunningEnvironment, browser: Browser) -> None:
    visit = Visit.begin(browser)
    used: list[str] = []
    visit.page.on("response", lambda answer: used.append(answer.headers.get("location", "")))
    open_airflow(environment, visit.page, "Viewer")
    (address,) = (location for location in used if "#" in location)
    other = Visit.begin(browser).page
    other.goto(address)
    expect(other.get_by_role("status")).to_contain_text("This web token is not valid here", timeout=TIMEOUT_MS)
    assert other.url.endswith("/aws-console-sso"), "a refused token leaves the address, too"
