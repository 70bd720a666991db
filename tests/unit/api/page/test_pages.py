"""The console page over HTTP: what it shows, what it never shows, and who is answered."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from mwaa_local.api.address import Address, Asked
from mwaa_local.api.environments.faults import THROTTLE, Fault
from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.environments.status import Look
from mwaa_local.api.http.routes import Routes
from mwaa_local.api.http.server import Endpoint, listen
from mwaa_local.api.own_paths import OwnPaths
from mwaa_local.api.page import logs as page_logs
from mwaa_local.door.names import WRONG_NAME_STATUS, WRONG_SITE_STATUS
from mwaa_local.door.tokens import ROLES, WEB, read
from mwaa_local.guest.statsd.keeping import Files
from mwaa_local.project import Project
from mwaa_local.runtime.logfile import MAX_BYTES
from mwaa_local.secrets import load_secrets
from mwaa_local.services.metrics import metrics_dir
from mwaa_local.web_address import WebAddress
from tests.page_environments import (
    INDEX_SECRET,
    MEMBERS,
    OPTION_SECRET,
    ROLE_ERROR,
    record_environment,
    record_failure,
    record_hostile,
    write_log,
)

DOOR_PORT = 40001


class SameLook:
    """What is seen of every environment; in place of a look at components, of which there are none in these tests."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def look(self, project: Project, healthy_at: float = 0.0) -> Look:
        return self._look

    def forget(self, project: Project) -> None:
        pass


class Console:
    """The endpoint of a folder of environments, on a real port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registry = Registry.of_folder(folder, {})
        self.uses = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    async def _listen(self) -> None:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        address = Address(1, self.port, True, Asked(str(self.folder), is_folder=True, version="1.2.3"))
        own = OwnPaths(self.registry, address, {}, self._note)
        self._runner = await listen(Endpoint(Routes.load(), lambda call: {}, own.answer), [listener])

    def _note(self) -> None:
        self.uses += 1

    def get(self, path: str = "", **more: Any) -> httpx.Response:
        return httpx.get(f"{self.origin}/_mwaa-local/{path}", **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return httpx.post(f"{self.origin}/_mwaa-local/{path}", **more)

    def open(self, name: str, origin: str | None = "", **more: Any) -> httpx.Response:
        """Ask for the way into Airflow as a form on a page of `origin` does; by default a page of ours."""
        headers = {} if origin is None else {"Origin": origin or self.origin}
        return self.post(f"environments/{name}/open", headers=headers, **more)

    def run(self, port: int | None = DOOR_PORT, authority: str = "", **more: Any) -> None:
        door = WebAddress(port, authority) if port else None
        self.registry.looks = SameLook(Look(0, is_running=True, is_healthy=True, door=door, **more))  # type: ignore[assignment]

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    def end(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    made = Console(tmp_path / "environments")
    yield made
    made.end()


class Outline(HTMLParser):
    """The elements of a page and the texts in them, as a browser takes them apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def test_pages_are_made_once_whoever_asks_first(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    made, make, other = [], OwnPaths._made, threading.Event()

    def counted(own: OwnPaths) -> Any:
        made.append(own)
        other.wait(0.3)  # the second request comes meanwhile
        return make(own)

    monkeypatch.setattr(OwnPaths, "_made", counted)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: console.get().status_code, range(2)))
    assert (answers, len(made)) == ([200, 200], 1)


def test_nothing_there_says_how_to_begin(console: Console) -> None:
    shown = Outline(console.get().text).text
    assert "There is no environment yet." in shown and "mwaa-local up" in shown


def test_every_environment_has_a_line_with_what_people_ask_first(console: Console) -> None:
    record_environment(console.folder, "first")
    record_failure(record_environment(console.folder, "second"), "numpy is not to be had")
    outline = Outline(console.get().text)
    assert "first UNAVAILABLE 3.3.1 mw1.medium 1 to 5" in outline.text
    assert "second CREATE_FAILED" in outline.text and ": ".join(ROLE_ERROR) in outline.text
    assert {"href": "/_mwaa-local/environments/second"} in outline.all("a")
    assert "1.2.3" in outline.text and str(console.folder) in outline.text


def test_our_reason_stands_beside_the_words_of_the_service(console: Console) -> None:
    record_failure(record_environment(console.folder, "one"), "numpy is not to be had")
    shown = Outline(console.get("environments/one").text).text
    assert f"Last error: {': '.join(ROLE_ERROR)}" in shown
    assert "failed: it did not come up numpy is not to be had What to do: change requirements.txt:3" in shown


def test_options_say_who_set_them_and_which_have_no_effect(console: Console) -> None:
    record_environment(console.folder, "one")
    shown = Outline(console.get("environments/one").text).text
    assert "core.default_task_retries option 3" in shown
    assert "core.executor essential CeleryExecutor" in shown
    assert re.search(r"without effect option set by why core\.executor AirflowConfigurationOptions MWAA forces", shown)
    worker = Outline(console.get("environments/one?options=worker").text).text
    assert "Airflow's configuration of worker" in worker and "Airflow's configuration of scheduler" in shown


def test_options_follow_what_the_startup_script_exported(console: Console) -> None:
    project = record_environment(console.folder, "one")
    assert "GREETING" not in console.get("environments/one").text
    project.run_dir.mkdir()
    (project.run_dir / "startup-exports.json").write_text('{"scheduler": {"GREETING": "hello"}}')
    assert "GREETING startup-script hello" in Outline(console.get("environments/one").text).text
    (project.run_dir / "startup-exports.json").write_text("{")
    assert "cannot use" in Outline(console.get("environments/one").text).text


def test_faults_that_are_set_are_told(console: Console) -> None:
    record_environment(console.folder, "one")
    assert "None is set." in console.get().text
    console.registry.faults.set(Fault(THROTTLE, 0.0, times=3))
    assert "throttle: calls are refused with ThrottlingException, 3 more" in Outline(console.get().text).text


@pytest.mark.parametrize("path", ["", "environments/hostile", "environments/hostile?log=scheduler"])
def test_text_of_others_stays_text(console: Console, path: str) -> None:
    record_hostile(console.folder)
    answer = console.get(path)
    outline = Outline(answer.text)
    assert not outline.all("img") and len(outline.all("script")) == 1
    assert not [name for _, attributes in outline.tags for name in attributes if name.startswith("on")]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", answer.text)
    if path:
        assert "<script>alert('hostile')</script>" in outline.text and "red" in outline.text


def test_secrets_are_masked_wherever_they_stand(console: Console) -> None:
    project = record_hostile(console.folder)
    secrets = load_secrets(project.state_dir)
    write_log(project, "worker.1", [f"keys: {secrets.door_key} {secrets.fernet_key} {secrets.broker_password}"])
    for path in ("environments/hostile", "environments/hostile?log=worker.1"):
        text = console.get(path).text
        assert "the password is ***" in text or "keys: *** *** ***" in text
        for secret in (OPTION_SECRET, INDEX_SECRET, secrets.door_key, secrets.fernet_key, secrets.broker_password):
            assert secret not in text


def test_what_was_secret_once_stays_masked(console: Console) -> None:
    project = record_environment(console.folder, "one")
    project.run_dir.mkdir()
    exports = project.run_dir / "startup-exports.json"
    exports.write_text('{"worker": {"API_TOKEN": "token-of-the-script"}}')
    write_log(project, "worker.1", ["token-of-the-script"])
    assert "token-of-the-script" not in console.get("environments/one").text
    exports.unlink()  # as `down` does
    assert "token-of-the-script" not in console.get("environments/one").text


def test_of_a_big_log_only_the_end_is_read(console: Console) -> None:
    project = record_environment(console.folder, "one")
    write_log(project, "scheduler", ["the beginning"])
    path = project.logs_dir / "scheduler.log"
    with path.open("ab") as file:
        file.truncate(MAX_BYTES)  # a hole: to read all of it would be many megabytes of a page
    write_log(project, "scheduler", ["", "x" * 50_000, *(f"line {number}" for number in range(500))])
    text = console.get("environments/one?log=scheduler").text
    assert "the beginning" not in text and "line 499" in text and len(text) < 500_000
    assert text.count("line ") < page_logs.LINES + 50


def test_a_line_without_end_is_cut(console: Console) -> None:
    write_log(record_environment(console.folder, "one"), "scheduler", ["x" * 20_000])
    text = console.get("environments/one").text
    assert "x" * page_logs.MAX_CHARACTERS in text and "18000 characters more" in text


@pytest.mark.parametrize("name", ["../api/api", "../../../../etc/passwd", "/etc/passwd", "%2e%2e/x", "nobody", "\x00"])
def test_only_logs_of_components_are_shown(console: Console, name: str) -> None:
    project = record_environment(console.folder, "one")
    write_log(project, "scheduler", ["of the scheduler"])
    (project.state_dir / "api").mkdir()
    (project.state_dir / "api" / "api.log").write_text("2026-11-30T00:00:00+00:00 out not a component's\n")
    answer = console.get("environments/one", params={"log": name})
    assert answer.status_code == 200 and "of all components" in answer.text
    assert "not a component" not in answer.text and "root:" not in answer.text


def test_what_was_chosen_stays_in_every_address(console: Console) -> None:
    write_log(record_environment(console.folder, "one"), "scheduler", ["a line"])
    text = console.get("environments/one?log=scheduler&options=worker&refresh=off").text
    addresses = {item["href"] for item in Outline(text).all("a")}
    base = "/_mwaa-local/environments/one"
    assert f"{base}?options=worker&refresh=off#logs" in addresses  # all logs
    assert f"{base}?log=scheduler&options=webserver&refresh=off#options" in addresses
    assert f"{base}?log=scheduler&options=worker" in addresses  # kept up to date again
    assert "http-equiv" not in text and 'http-equiv="refresh"' in console.get("environments/one").text


PATHS = ["", "environments/one", "environments/nobody", "nothing", "environments/one/open", "environments/a/b/c"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_closed_to_others_and_kept_by_nobody(console: Console, path: str) -> None:
    record_environment(console.folder, "one")
    answer = console.get(path)
    assert answer.status_code == {"": 200, "environments/one": 200, "environments/one/open": 405}.get(path, 404)
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["X-Frame-Options"] == "DENY"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    for tag in re.findall(r"<(?:script|style)>.*?</(?:script|style)>", answer.text, re.DOTALL):
        content = tag.partition(">")[2].rpartition("</")[0]
        assert base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() in policy


def test_other_names_and_other_sites_are_refused(console: Console) -> None:
    assert console.get(headers={"Host": "attacker.example"}).status_code == 421
    assert console.get(headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}).status_code == 403
    assert console.get(headers={"Host": f"one.localhost:{console.port}"}).status_code == 200
    assert console.post("", headers={"Origin": console.origin}).status_code == 405


def test_button_leads_into_airflow_with_a_token_that_nothing_else_holds(console: Console) -> None:
    project = record_environment(console.folder, "one")
    console.run()
    page = Outline(console.get("environments/one").text)
    assert {"method": "post", "action": "/_mwaa-local/environments/one/open"} in page.all("form")
    assert [item["value"] for item in page.all("option")] == list(ROLES)
    answer = console.open("one", data={"role": "Viewer"})
    assert answer.status_code == 303 and answer.text == "" and answer.headers["Cache-Control"] == "no-store"
    url = urlsplit(answer.headers["Location"])
    assert (url.netloc, url.path, url.query) == (
        f"localhost:{DOOR_PORT}",
        "/aws_mwaa/aws-console-sso",
        "login=true",
    )
    claims = read(load_secrets(project.state_dir).door_key, WEB, "one", url.fragment)
    assert claims.role == "Viewer" and claims.user == "mwaa-local/viewer"
    assert console.open("one").headers["Location"] != console.open("one").headers["Location"]


def test_button_and_address_begin_as_the_front_door_speaks(console: Console) -> None:
    record_environment(console.folder, "one")
    for authority, scheme in (("", "http"), ("/authority.pem", "https")):
        console.run(authority=authority)
        assert f"{scheme}://localhost:{DOOR_PORT} " in Outline(console.get("environments/one").text).text
        answer = console.open("one")
        assert urlsplit(answer.headers["Location"]).scheme == scheme
        policy = console.get("environments/one").headers["Content-Security-Policy"]
        assert f"{scheme}://localhost:*" in policy  # or a browser would not follow the form


def test_nobody_else_has_a_token_made(console: Console) -> None:
    record_environment(console.folder, "one")
    console.run()
    for origin in (None, "null", "http://localhost:1", f"http://attacker.example:{console.port}"):
        assert console.open("one", origin).status_code == 403
    form = {"Origin": console.origin, "Sec-Fetch-Site": "same-site"}
    assert console.post("environments/one/open", headers=form).status_code == 403
    assert console.get("environments/one/open").status_code == 405


def test_what_cannot_be_opened_says_why(console: Console) -> None:
    record_environment(console.folder, "one")
    answer = console.open("one")
    assert answer.status_code == 409 and "its status is UNAVAILABLE" in answer.text
    assert "Airflow does not run" in console.get("environments/one").text
    console.run()
    assert console.open("nobody").status_code == 404
    assert console.open("one", data={"role": "Root"}).status_code == 400
    assert console.open("one", data={"role": "x" * 5000}).status_code == 413
    assert console.open("one", content=b"\xff\xfe%zz", files=None).status_code == 303


def test_a_bug_is_an_answer_and_ends_nothing(console: Console, caplog: pytest.LogCaptureFixture) -> None:
    record_environment(console.folder, "one")
    console.registry.looks = None  # type: ignore[assignment]  # breaks every look
    answer = console.get("environments/one")
    assert answer.status_code == 500 and "api.log" in answer.text and "Traceback" not in answer.text
    assert "Traceback" in caplog.text
    console.run()
    assert console.get("environments/one").status_code == 200


def test_page_without_its_slash_and_head_are_answered(console: Console) -> None:
    assert httpx.get(f"{console.origin}/_mwaa-local").status_code == 200
    assert console.get("api").json()["root"] == str(console.folder)
    head = httpx.head(f"{console.origin}/_mwaa-local/")
    assert head.status_code == 200 and head.content == b"" and console.uses == 3


def test_scrape_is_answered_and_is_no_use_that_keeps_the_api(console: Console) -> None:
    answer = console.get("metrics")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert console.uses == 0
    console.get("api")
    assert console.uses == 1


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_metrics_are_for_no_page_from_elsewhere(console: Console, headers: dict[str, str]) -> None:
    refused = console.get("metrics", headers=headers)
    assert refused.status_code in (WRONG_NAME_STATUS, WRONG_SITE_STATUS)
    assert "mwaa_local_" not in refused.text


@pytest.mark.parametrize(("version", "sum_s"), [("3.3.1", 250.0), ("2.10.3", 0.25)])
def test_time_to_read_a_dag_file_is_told_in_seconds(console: Console, version: str, sum_s: float) -> None:
    project = record_environment(console.folder, "mine", {**MEMBERS, "AirflowVersion": version})
    metrics_dir(project).mkdir()
    spread = [1, 250, 250, 250, 250]
    sums = {"counters": {}, "gauges": {}, "timers": {"dag_processing.last_duration.orders": spread}}
    Files(metrics_dir(project)).write_now({"time": time.time(), **sums})
    labels = 'environment="mine",dag_filename="orders"'
    name = "airflow_dag_processing_last_duration_seconds_sum"
    assert f"{name}{{{labels}}} {sum_s!r}\n" in console.get("metrics").text
