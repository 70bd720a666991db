"""What the files of an index say of wheels; the page itself comes over HTTP from a server of this machine."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from mwaa_local.check.requirements.index_files import IndexFiles, parsed_html, parsed_json, read
from mwaa_local.release import Release

OLD_GLIBC = "its wheels need glibc 2.28, and Amazon Linux 2 has 2.26"
NEW_GLIBC = "its wheels need glibc 2.39, and Amazon Linux 2023 has 2.34"
OLD, NEW = Release.load("2.5.1"), Release.load("3.3.1")  # glibc 2.26 and Python 3.10, glibc 2.34 and Python 3.12
X86 = "manylinux_2_17_x86_64.manylinux2014_x86_64"


def files(*names: str) -> IndexFiles:
    return IndexFiles(names)


@pytest.mark.parametrize(
    ("names", "release", "why"),
    [
        (["a-1.tar.gz"], NEW, "the index has only its source"),
        (["a-1.tar.gz", "a-2-py3-none-any.whl"], NEW, "the index has only its source"),
        (["a-1-cp312-cp312-win_amd64.whl"], NEW, "the index has no wheel of it for Linux on x86-64"),
        (["a-1-cp312-cp312-manylinux_2_17_aarch64.whl"], NEW, "the index has no wheel of it for Linux on x86-64"),
        (["a-1-cp312-cp312-musllinux_1_2_x86_64.whl"], NEW, "the index has no wheel of it for Linux on x86-64"),
        ([f"a-1-cp311-cp311-{X86}.whl"], NEW, "the index has no wheel of it for Python 3.12"),
        (["a-1-cp310-cp310-manylinux_2_28_x86_64.whl"], OLD, OLD_GLIBC),
        (
            ["a-1-cp312-cp312-manylinux_2_39_x86_64.whl"],
            NEW,
            "its wheels need glibc 2.39, and Amazon Linux 2023 has 2.34",
        ),
        (["a-1-cp39-abi3-manylinux_2_28_x86_64.whl"], OLD, OLD_GLIBC),
        (["b.txt"], NEW, ""),
    ],
)
def test_reason_why_no_wheel_of_a_version_fits(names: list[str], release: Release, why: str) -> None:
    assert files(*names).why_no_wheel("1", release) == why


def test_newest_version_with_a_wheel_is_final_and_not_yanked() -> None:
    names = ("a-1.9-py3-none-any.whl", "a-1.10-py3-none-any.whl", "a-1.11-py3-none-any.whl", "a-3.tar.gz")
    found = IndexFiles((*names, f"a-2-cp311-cp311-{X86}.whl", "a-4rc1-py3-none-any.whl"), frozenset({names[2]}))
    assert found.newest_with_wheel(NEW) == "1.10"
    assert files("a-3.tar.gz").newest_with_wheel(NEW) == ""


def test_wheel_for_a_newer_python_is_not_the_newest() -> None:
    names = ("a-1-py3-none-any.whl", "a-2-py3-none-any.whl", "a-3-py3-none-any.whl")
    found = IndexFiles(names, pythons={names[1]: ">=3.12", names[2]: ">=3.13"})
    assert (found.newest_with_wheel(OLD), found.newest_with_wheel(NEW)) == ("1", "2")


def test_pages_are_read_in_both_forms() -> None:
    wheel, told = "a-2+b-py3-none-any.whl", {"a-1.tar.gz": ">=3.9"}
    page = (
        f'<a href="x#sha256=1" data-requires-python="&gt;=3.9">a-1.tar.gz</a>\n<a data-yanked="" href="y">{wheel}</a>'
    )
    assert parsed_html(page) == IndexFiles(("a-1.tar.gz", wheel), frozenset({wheel}), told)
    entries = [{"filename": "a"}, {"filename": "b", "yanked": "bad"}, {"filename": "c", "requires-python": ">=3.9"}]
    found = IndexFiles(("a", "b", "c"), frozenset({"b"}), {"c": ">=3.9"})
    assert parsed_json(json.dumps({"files": entries})) == found


class Pages(http.server.BaseHTTPRequestHandler):
    """Two pages; one only for who gives a password."""

    def do_GET(self) -> None:
        secret = f"Basic {base64.b64encode(b'me:word').decode()}"
        allowed = "/locked/" not in self.path or self.headers["Authorization"] == secret
        known = self.path.endswith("/a/")
        body = b'{"files": [{"filename": "a-1.tar.gz"}]}' if known else b"no"
        self.send_response(200 if known and allowed else 404 if allowed else 401)
        self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def index() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_page_is_asked_of_the_index_with_its_password(index: str) -> None:
    assert read(f"http://{index}/simple", "a", {}) == files("a-1.tar.gz")
    assert read(f"http://me:word@{index}/locked/", "a", {}) == files("a-1.tar.gz")


@pytest.mark.parametrize(
    "address", ["http://{index}/locked", "http://{index}/simple/b", "file:///x", "http://127.0.0.1:1"]
)
def test_index_that_does_not_say_is_no_failure(index: str, address: str) -> None:
    assert read(address.format(index=index), "a" if "locked" in address or "1:1" in address else "c", {}) is None
