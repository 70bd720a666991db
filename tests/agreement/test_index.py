"""The index of one day: what was uploaded later is not there, in both forms of a page, and nobody is asked twice."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.check.requirements import index_files
from mwaa_local.check.requirements.index_versions import newer_versions
from tests.agreement import index as dated
from tests.agreement.index import HOST, JSON_TYPE, DatedIndex, index_of_one_day, serve, upstream_url

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)


def a_file(version: str, uploaded: str, **more: Any) -> dict[str, Any]:
    name = f"one_two-{version}-py3-none-any.whl"
    return {"filename": name, "url": f"../files/{name}", "hashes": {"sha256": "00"}, "upload-time": uploaded, **more}


FILES = [
    a_file("1.0", "2026-10-01T08:00:00Z", yanked='wrong "name"', **{"requires-python": ">=3.7,<4"}),
    a_file("1.1", "2026-10-31T23:59:59.999Z", yanked=False, **{"core-metadata": {"sha256": "11"}}),
    a_file("1.2", "2026-11-01T00:00:00Z"),
]
PAGES = {"one-two": FILES, "later": FILES[2:], "pip": FILES[:1]}


class Upstream(ThreadingHTTPServer):
    """An index that counts how often it is asked; `pages` are files by project."""

    def __init__(self, pages: dict[str, list[dict[str, Any]]]) -> None:
        super().__init__((HOST, 0), Pages)
        self.pages = pages
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}/simple"


class Pages(BaseHTTPRequestHandler):
    server: Upstream

    def do_GET(self) -> None:
        name = self.path.split("/")[2]
        self.server.asked.append(name)
        found = self.server.pages.get(name)
        self.send_response(500 if name == "broken" else 404 if found is None else 200)
        self.send_header("Content-Type", JSON_TYPE)
        self.end_headers()
        self.wfile.write(json.dumps({"files": found}).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream(dict(PAGES))
    thread = threading.Thread(target=server.serve_forever, args=(dated.POLL_S,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def address(upstream: Upstream, tmp_path: Path) -> Iterator[str]:
    with serve(DatedIndex(upstream.url, tmp_path / "pages", {}, AS_OF)) as url:
        yield url


def fetched(url: str, accept: str) -> str:
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept})) as answer:
        text: str = answer.read().decode()
        return text


def test_files_of_that_day_and_later_are_left_out_of_both_forms(address: str, upstream: Upstream) -> None:
    as_json = index_files.parsed_json(fetched(f"{address}/one-two/", JSON_TYPE))
    as_html = index_files.parsed_html(fetched(f"{address}/one-two/", "text/html"))
    assert as_json.names == tuple(file["filename"] for file in FILES[:2])
    assert as_html == as_json
    assert as_html.yanked == {FILES[0]["filename"]}
    assert as_html.pythons == {FILES[0]["filename"]: ">=3.7,<4"}
    assert newer_versions(address, "one.two", "1.0", {}) == 1


def test_addresses_of_files_are_whole_with_hash_and_metadata(address: str, upstream: Upstream) -> None:
    where = f"{upstream.url}/files/one_two-1.1-py3-none-any.whl"
    assert json.loads(fetched(f"{address}/one-two/", JSON_TYPE))["files"][1]["url"] == where
    html = fetched(f"{address}/One_Two/", "text/html")
    assert f'<a href="{where}#sha256=00" data-core-metadata="sha256=11"' in html
    assert 'data-yanked="wrong &quot;name&quot;"' in html


@pytest.mark.parametrize(("name", "status"), [("later", 404), ("nowhere", 404), ("broken", 502), ("a/b", 404)])
def test_project_that_was_not_there_is_not_found_and_an_index_that_fails_is_no_answer(
    address: str, name: str, status: int
) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetched(f"{address}/{name}/", JSON_TYPE)
    caught.value.close()
    assert caught.value.code == status


def test_a_second_run_asks_nobody(upstream: Upstream, tmp_path: Path) -> None:
    index = DatedIndex(upstream.url, tmp_path, {}, AS_OF)
    first = [index.page(name) for name in ("one-two", "nowhere")]
    upstream.pages.clear()
    upstream.asked.clear()
    assert [DatedIndex(upstream.url, tmp_path, {}, AS_OF).page(name) for name in ("one_two", "nowhere")] == first
    assert upstream.asked == []


def test_the_index_of_the_machine_is_the_one_behind_it(upstream: Upstream, tmp_path: Path) -> None:
    own = {"PIP_INDEX_URL": upstream.url, "NO_PROXY": "example.org", "PATH": ""}
    assert upstream_url(own) == upstream.url
    assert upstream_url({**own, "UV_DEFAULT_INDEX": "https://example.org/simple"}) == "https://example.org/simple"
    with index_of_one_day(own, tmp_path) as env:
        assert env["PIP_INDEX_URL"] != upstream.url
        assert env["NO_PROXY"] == f"example.org,{HOST}"
        assert index_files.read(env["PIP_INDEX_URL"], "later", {}) is None


def test_pips_own_file_names_the_index(tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://example.org/simple\n")
    assert upstream_url({"PIP_CONFIG_FILE": str(config)}) == "https://example.org/simple"


def test_index_that_tells_no_times_is_used_as_it_is(upstream: Upstream, tmp_path: Path) -> None:
    upstream.pages["pip"] = [{name: value for name, value in FILES[0].items() if name != "upload-time"}]
    with (
        pytest.warns(UserWarning, match="does not say when"),
        index_of_one_day({"PIP_INDEX_URL": upstream.url}, tmp_path) as env,
    ):
        assert env["PIP_INDEX_URL"] == upstream.url


def test_two_runs_side_by_side_each_have_a_port(upstream: Upstream, tmp_path: Path) -> None:
    index = DatedIndex(upstream.url, tmp_path, {}, dated.AS_OF)
    with serve(index) as one, serve(index) as other:
        assert one != other
