"""A real pip that is stopped on its way through releases, and the pin with which it comes to an end."""

from __future__ import annotations

import http.server
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from mwaa_local.check.requirements.check import RequirementsCheck
from mwaa_local.check.requirements.pip_plan import GUEST_PATH, Pips, Planned
from mwaa_local.check.requirements.resolver import Resolver
from mwaa_local.check.requirements.startup_exports import Exported
from mwaa_local.check.requirements.verdict import Works
from mwaa_local.finding import WARNING
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.workspace import cache_dir_of
from tests.conftest import ProjectRunner
from tests.wheels import make_wheel

pytestmark = [pytest.mark.full, pytest.mark.network]  # it waits for a limit; the release's packages, and its pip
RELEASE = Release.load("2.4.3")  # whose pip downloads each wheel that it looks into
FILE = "requirements/requirements.txt"
JINJA = RELEASE.packages.base["jinja2"]
LIMIT_S = 20.0  # enough for a pip that has an answer, on a busy machine too
DOWNLOAD_S = 0.4  # of one wheel
VERSIONS = 80  # of the package that pip goes through: more than it can download within the limit


class SlowIndex(http.server.BaseHTTPRequestHandler):
    """An index that tells of its packages at once, and takes its time for their files."""

    folder: Path

    def do_GET(self) -> None:
        name = self.path.rstrip("/").rpartition("/")[2]
        path = self.folder / name
        if self.path.startswith("/simple/"):
            wheels = sorted(self.folder.glob(f"{name}-*.whl"))
            files = [
                {"filename": item.name, "url": f"/files/{item.name}", "hashes": {}, "core-metadata": True}
                for item in wheels
            ]
            page = {"meta": {"api-version": "1.0"}, "name": name, "files": files}
            self.answer("application/vnd.pypi.simple.v1+json", json.dumps(page).encode(), is_there=bool(wheels))
        else:
            if name.endswith(".whl"):
                time.sleep(DOWNLOAD_S)
            self.answer("text/plain", path.read_bytes() if path.exists() else b"", is_there=path.exists())

    def answer(self, kind: str, content: bytes, *, is_there: bool) -> None:
        self.send_response(200 if is_there else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """The address of an index with a package of which only the first release leaves the image's Jinja2 alone."""
    folder = tmp_path / "index"
    for number in range(1, VERSIONS + 1):
        add_wheel(folder, "walker", f"{number}.0", ["jinja2<2.9"] if number > 1 else [])
    add_wheel(folder, "anchor", "1.0", ["jinja2>=2.9"])
    add_wheel(folder, "jinja2", "2.8", [])
    add_wheel(folder, "jinja2", JINJA, [])
    handler = type("Handler", (SlowIndex,), {"folder": folder})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


def add_wheel(folder: Path, name: str, version: str, requires: list[str]) -> None:
    make_wheel(folder, name, version, requires)
    wants = "".join(f"Requires-Dist: {line}\n" for line in requires)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{wants}"
    (folder / f"{name}-{version}-py3-none-any.whl.metadata").write_text(metadata)


def running_pips(root_dir: Path) -> list[int]:
    """Return the processes that ask pip for this project."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(GUEST_PATH) in process.cmdline() and process.cwd() == str(root_dir):
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


def test_pip_is_stopped_and_the_pin_that_is_named_ends_its_search(
    project: Callable[..., ProjectRunner], index: str, tmp_path: Path
) -> None:
    runner = project({"dags/a.py": "", FILE: f"--index-url {index}\nwalker\nanchor\n"})
    own, cache_dir = Project(runner.root_dir), cache_dir_of({**os.environ, **runner.env})
    pips = Pips(cache_dir, runner.env, limit_s=LIMIT_S)
    checking = RequirementsCheck(own, own.requirements_path, runner.env, {}, pips=pips)
    checked = checking.check(RELEASE)
    [found] = [item for item in checked.findings if item.rule == "long-resolution"]
    assert (found.severity, found.line) == (WARNING, 2)
    assert found.what == f"pip found no versions within {LIMIT_S:g} s"
    assert " of walker." in found.why.partition("It went through")[2]
    assert found.hint == "add walker==1.0: with that, pip is done in time"
    assert running_pips(runner.root_dir) == []
    # The pin as a user writes it, and the same pip asked once more.
    own.requirements_path.write_text(f"--index-url {index}\nwalker==1.0\nanchor\n")
    again = checking.check(RELEASE)
    assert isinstance(again.verdict, Works)
    assert "long-resolution" not in {item.rule for item in again.findings}
    source, _ = checking.parts(RELEASE, tmp_path, Exported(), Resolver)
    plan = pips.plan(source, RELEASE, {}, runner.root_dir)
    assert isinstance(plan, Planned), plan
    assert {item.name: item.version for item in plan.packages} == {"anchor": "1.0", "walker": "1.0"}
