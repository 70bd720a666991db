"""The check of requirements finds what the startup script exports: it is run before pip, as on MWAA."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ProjectRunner
from tests.wheels import make_wheel

pytestmark = pytest.mark.network  # the release's packages
MakeProject = Callable[..., ProjectRunner]
FILE, SCRIPT = "requirements/requirements.txt", "startup/startup.sh"
PASSWORD = "gehe1m-w0rd"


class GuardedIndex(http.server.SimpleHTTPRequestHandler):
    """An index that wants a user's name and password."""

    def do_GET(self) -> None:
        if self.headers.get("Authorization") == f"Basic {b64encode(f'aws:{PASSWORD}'.encode()).decode()}":
            super().do_GET()
        else:
            self.send_error(401)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """The host of an index with one package, which a password opens."""
    folder = tmp_path / "index" / "simple" / "of-our-own"
    make_wheel(folder, "of_our_own", "1.0")
    name = "of_our_own-1.0-py3-none-any.whl"
    (folder / "index.html").write_text(f'<a href="{name}">{name}</a>')
    handler = functools.partial(GuardedIndex, directory=str(tmp_path / "index"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def runner(project: MakeProject, index: str) -> ProjectRunner:
    """A project whose script names that index; the password comes out of a command, as CodeArtifact's does."""
    address = f'http://aws:"$(cat dags/token)"@{index}/simple'
    return project(
        {
            "mwaa.yaml": "AirflowVersion: 3.3.1\n",
            "dags/a.py": "",
            "dags/token": PASSWORD,
            SCRIPT: f"export PIP_EXTRA_INDEX_URL={address}\nexport OWN_VERSION=1.0\n",
            FILE: "of-our-own==${OWN_VERSION}\n",
        }
    )


def test_index_that_the_script_exports_is_asked_and_its_password_shown_nowhere(runner: ProjectRunner) -> None:
    outcome = runner.run("check", "requirements", "--json")
    [one] = json.loads(outcome.stdout)["checked"]
    assert (one["outcome"], outcome.exit_code) == ("works", 0), outcome
    assert [(item["name"], item["version"]) for item in one["changes"]] == [("of-our-own", "1.0")]
    assert PASSWORD not in outcome.stdout + outcome.stderr


@pytest.mark.full  # pip and Airflow in the place of uv alone
def test_trial_install_and_the_check_of_everything_ask_that_index_too(runner: ProjectRunner) -> None:
    tried = runner.run("check", "requirements", "--install")
    assert "installed for a trial: of-our-own 1.0" in tried.stderr
    whole = runner.run("check", "--json")
    errors = [item for part in json.loads(whole.stdout)["parts"] for item in part["findings"]]
    assert [item for item in errors if item["severity"] == "error"] == []
    log = (runner.root_dir / ".mwaa-local" / "install-check" / "pip.log").read_text()
    assert PASSWORD not in tried.stdout + tried.stderr + whole.stdout + whole.stderr + log


def test_script_that_fails_is_told_and_its_index_is_left_open(project: MakeProject) -> None:
    runner = project(
        {
            "mwaa.yaml": "AirflowVersion: 3.3.1\n",
            "dags/a.py": "",
            SCRIPT: "set -e\nfalse\nexport PIP_EXTRA_INDEX_URL=x\n",
            FILE: "--no-index\nof-our-own==1.0\n",
        }
    )
    outcome = runner.run("check", "requirements")
    assert outcome.exit_code == 3
    assert "note[startup-exports-unknown]" in outcome.stdout
    assert "The startup script may name another one to pip, but it fails at line 2" in outcome.stdout
