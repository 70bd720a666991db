"""The console page of a real API, read by a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from mwaa_local.api.address import ApiFolder
from mwaa_local.project import STATE_DIR, Project
from tests.browser.chromium import Visit, chromium
from tests.conftest import ProjectRunner, make_clean_env
from tests.integration.aws_endpoint import endpoint
from tests.page_environments import (
    HOSTILE,
    ROLE_ERROR,
    record_environment,
    record_failure,
    record_figures,
    record_hostile,
    write_log,
)

AFTER_REFRESH_MS = 6000  # of the page's clock, which a test sets
# Contrast of each text with what lies under it, and how much it should have (WCAG 2.2, 1.4.3); those that have less.
TOO_FAINT = """() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const linear = part => { part /= 255; return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; };
  const light = color => { const [r, g, b] = parts(color).map(linear); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = element => {
    for (; element; element = element.parentElement) {
      const color = getComputedStyle(element).backgroundColor;
      if (parts(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = [...document.body.querySelectorAll("*")].filter(element =>
    element.checkVisibility() && [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
  return texts.map(element => {
    const [one, other] = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
    return [element.textContent.slice(0, 40), (one + 0.05) / (other + 0.05)];
  }).filter(([, contrast]) => contrast < 4.5);
}"""


@dataclass(frozen=True)
class Api:
    """A real API of a folder with two environments, neither of which runs."""

    url: str
    quiet: Project  # one test changes it
    hostile: Project

    def page_of(self, project: Project) -> str:
        return f"{self.url}environments/{project.name}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    root_dir = tmp_path_factory.mktemp("console")
    home_dir, folder = root_dir / "home", root_dir / "environments"
    home_dir.mkdir()
    quiet, hostile = record_environment(folder, "quiet"), record_hostile(folder)
    write_log(quiet, "scheduler", [f"line {number}" for number in range(60)])
    runner = ProjectRunner(root_dir, make_clean_env(home_dir))
    began = runner.run("api", str(folder), "--detach")
    assert began.exit_code == 0, began.stderr
    yield Api(f"{began.stdout.strip()}/_mwaa-local/", quiet, hostile)
    runner.run("api", str(folder), "--stop")


def test_hostile_text_is_text_for_a_browser(browser: Browser, api: Api) -> None:
    visit = Visit.begin(browser)
    page = visit.page
    page.goto(api.page_of(api.hostile))
    for part in ("summary", "events", "logs", "options"):
        expect(page.locator(f"#{part}")).to_contain_text(HOSTILE)
    expect(page.locator("#summary")).to_contain_text(": ".join(ROLE_ERROR))
    assert page.locator("img").count() == 0 and page.locator("script").count() == 1
    assert visit.problems == []
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
    assert page.evaluate("window.ran") is None and "Content Security Policy" in visit.problems[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read(browser: Browser, api: Api, scheme: str) -> None:
    page = Visit.begin(browser, color_scheme=scheme).page
    grounds = set()
    for address in (api.url, api.page_of(api.hostile)):
        page.goto(address)
        assert page.evaluate(TOO_FAINT) == []
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == {"rgb(244, 245, 247)" if scheme == "light" else "rgb(16, 20, 24)"}


def test_narrow_window_shows_all_of_it(browser: Browser, api: Api) -> None:
    page = Visit.begin(browser, viewport={"width": 320, "height": 640}).page
    for address in (api.url, api.page_of(api.hostile)):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320  # what is wider scrolls by itself


def test_keyboard_and_screen_reader_get_everywhere(browser: Browser, api: Api) -> None:
    page = Visit.begin(browser).page
    page.goto(api.url)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("To the content")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("MWAA on this machine")
    names = [page.get_by_role("columnheader").nth(number).inner_text() for number in range(7)]
    assert names == ["environment", "status", "Airflow", "class", "workers", "last update", "last error"]
    page.get_by_role("link", name="hostile").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("hostile")
    titles = page.get_by_role("heading", level=2).all_inner_texts()
    assert titles == ["Environment", "Components", "The last hour", "Events", "Log lines", "Options"]
    for title in titles:  # each section has its heading's name
        expect(page.get_by_role("region", name=title, exact=True)).to_have_count(1)
    page.get_by_role("navigation", name="Logs").get_by_role("link", name="scheduler").press("Enter")
    expect(page.get_by_role("region", name=re.compile("lines of scheduler"))).to_be_visible()


def test_last_hour_is_drawn_within_the_page(browser: Browser, api: Api) -> None:
    record_figures(api.hostile, range(2, 50))
    visit = Visit.begin(browser)
    page = visit.page
    page.goto(api.page_of(api.hostile))
    drawings = page.locator("#metrics svg")
    expect(drawings).to_have_count(3)
    assert visit.problems == []
    for name in ("Tasks: running", "CPU, of one core: used", "Memory: used"):
        drawing = page.get_by_role("img", name=re.compile(name))
        box, line = drawing.bounding_box(), drawing.locator(".line.first").bounding_box()
        assert box is not None and line is not None
        assert box["x"] <= line["x"] + 1 and line["x"] + line["width"] <= box["x"] + box["width"] + 1
        assert box["y"] <= line["y"] + 1 and line["y"] + line["height"] <= box["y"] + box["height"] + 1
        assert line["width"] > box["width"] / 2 and line["height"] > 10
    strokes = drawings.first.locator(".line").evaluate_all("lines => lines.map(line => getComputedStyle(line).stroke)")
    assert len(set(strokes)) == 2 and "none" not in strokes


def test_page_follows_what_happens_and_takes_nothing_away(browser: Browser, api: Api) -> None:
    visit = Visit.begin(browser)
    page = visit.page
    page.clock.install()
    page.goto(api.page_of(api.quiet) + "?log=scheduler")
    log, summary = page.locator("#logs .log"), page.locator("#summary")
    assert log.evaluate("log => log.scrollTop + log.clientHeight >= log.scrollHeight - 8")
    summary.locator("dl").evaluate("list => getSelection().selectAllChildren(list)")
    log.focus()
    write_log(api.quiet, "scheduler", ["a line that came later"])
    record_failure(api.quiet, "numpy is not to be had")
    page.clock.run_for(AFTER_REFRESH_MS)
    expect(log).to_contain_text("a line that came later")
    expect(page.locator("#events")).to_contain_text("numpy is not to be had")
    expect(log).to_be_focused()
    assert log.evaluate("log => log.scrollTop + log.clientHeight >= log.scrollHeight - 8")  # it follows the end
    expect(summary).not_to_contain_text("CREATE_FAILED")  # somebody marks text in it
    log.evaluate("log => { log.scrollTop = 0; getSelection().removeAllRanges(); }")
    write_log(api.quiet, "scheduler", ["the last line"])
    page.clock.run_for(AFTER_REFRESH_MS)
    expect(log).to_contain_text("the last line")
    expect(summary).to_contain_text("CREATE_FAILED")
    assert log.evaluate("log => log.scrollTop") == 0  # somebody reads what is further up
    assert visit.problems == []


def test_page_says_when_nobody_answers_any_more(browser: Browser, api: Api) -> None:
    visit = Visit.begin(browser)
    page = visit.page
    page.clock.install()
    page.goto(api.url)
    expect(page.get_by_role("status")).to_have_text("kept up to date, every 5 s")
    visit.context.set_offline(True)
    page.clock.run_for(AFTER_REFRESH_MS)
    expect(page.get_by_role("status")).to_have_text("no answer: what you see is old")
    visit.context.set_offline(False)
    page.clock.run_for(AFTER_REFRESH_MS)
    expect(page.get_by_role("status")).to_have_text("kept up to date, every 5 s")
    page.get_by_role("link", name="pause").click()
    expect(page.get_by_role("status")).to_have_text("not kept up to date")


def test_page_is_the_same_at_the_endpoint_of_all_of_aws(browser: Browser, api: Api, tmp_path: Path) -> None:
    with endpoint(tmp_path) as aws:
        aws.socket_path.symlink_to(ApiFolder.of(api.hostile.root_dir.parent / STATE_DIR).socket_path)
        visit = Visit.begin(browser)
        page = visit.page
        page.goto(f"{aws.url}/_mwaa-local/")
        page.get_by_role("link", name="hostile").click()
        expect(page.locator("#summary")).to_contain_text(": ".join(ROLE_ERROR))
        assert visit.problems == []
        # No form is there while nothing runs; one that a page of ours sends all the same is taken for ours.
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('form'),"
            " {method: 'post', action: '/_mwaa-local/environments/hostile/open', id: 'open'}))"
        )
        page.locator("#open").evaluate("form => form.submit()")
        expect(page.get_by_role("main")).to_contain_text("Airflow of hostile does not run")


def test_page_works_without_scripts(browser: Browser, api: Api) -> None:
    page = Visit.begin(browser, java_script_enabled=False).page
    page.goto(api.url)
    page.get_by_role("link", name="quiet").click()
    page.get_by_role("link", name="worker", exact=True).click()
    expect(page.locator("#options")).to_contain_text("Airflow's configuration of worker")
