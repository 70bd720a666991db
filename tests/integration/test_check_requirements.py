"""`mwaa-local check requirements`: the whole command with real uv, on wheels made here and on the package index."""

from __future__ import annotations

import functools
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psutil
import pytest

from tests.conftest import Outcome, ProjectRunner
from tests.integration.test_errors import DEAD_INDEX
from tests.wheels import make_wheel

MakeProject = Callable[..., ProjectRunner]
VERSION = "3.3.1"
FILE = "requirements/requirements.txt"
OWN_WHEELS = "--no-index\n--find-links /usr/local/airflow/plugins\n"
SIZE_BYTES = 150_000_000
# A pin of the constraints of Airflow 3.3.1, and one of MWAA's essential pins.
PINNED, ESSENTIAL = "jinja2==3.1.6", "sqlalchemy==2.0.51"


@pytest.fixture
def runner(project: MakeProject) -> ProjectRunner:
    """A project with wheels in its plugins folder: alpha 2 needs another Jinja2, beta an older alpha, gamma alpha 2."""
    made = project({"mwaa.yaml": f'AirflowVersion: "{VERSION}"\n', "dags/a.py": "", FILE: ""})
    wheels = made.root_dir / "plugins"
    make_wheel(wheels, "alpha", "1.0")
    make_wheel(wheels, "alpha", "2.0", ["jinja2<3"])
    make_wheel(wheels, "beta", "1.0", ["alpha<2"])
    make_wheel(wheels, "gamma", "1.0", ["alpha>=2"])
    make_wheel(wheels, "jinja2", "2.11.3")
    make_wheel(wheels, "sqlalchemy", "1.4.0")
    return made


def check(runner: ProjectRunner, text: str, *words: str, env: Mapping[str, str] | None = None) -> Outcome:
    runner.write({FILE: text})
    outcome = runner.run("check", "requirements", *words, env=env)
    assert "Traceback" not in outcome.stderr, outcome.stderr
    return outcome


def checked(runner: ProjectRunner, text: str, *words: str) -> dict[str, Any]:
    """Return what `--json` says of the one release."""
    outcome = check(runner, text, "--json", *words)
    [one] = json.loads(outcome.stdout)["checked"]
    assert isinstance(one, dict)
    assert one["exit_code"] == outcome.exit_code
    return one


def rules(one: Mapping[str, Any]) -> set[str]:
    return {finding["rule"] for finding in one["findings"]}


# Works.


def test_file_that_works_says_what_it_adds(runner: ProjectRunner) -> None:
    one = checked(runner, f"{OWN_WHEELS}beta==1.0\n")
    assert (one["outcome"], one["exit_code"]) == ("works", 0)
    assert [(item["name"], item["version"], item["change"], item["reasons"]) for item in one["changes"]] == [
        ("alpha", "1.0", "added", ["beta"]),
        ("beta", "1.0", "added", ["requirements.txt:3"]),
    ]


def test_package_of_the_image_stays_as_it_is(runner: ProjectRunner) -> None:
    assert checked(runner, f"{OWN_WHEELS}jinja2\n")["changes"] == []


def test_package_that_needs_one_of_the_image_works_without_an_index(runner: ProjectRunner) -> None:
    """pip finds it installed, though no folder of wheels has it."""
    make_wheel(runner.root_dir / "plugins", "zeta", "1.0", ["requests", "boto3>1"])
    assert [item["name"] for item in checked(runner, f"{OWN_WHEELS}zeta\n")["changes"]] == ["zeta"]


@pytest.fixture
def private_index(tmp_path: Path) -> Iterator[str]:
    """An index of one package that PyPI has, too, in another version."""
    folder = tmp_path / "index" / "simple" / "slackclient"
    make_wheel(folder, "slackclient", "0.0.1")
    name = "slackclient-0.0.1-py3-none-any.whl"
    (folder / "index.html").write_text(f'<a href="{name}">{name}</a>')
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "index"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


def test_index_of_the_file_takes_the_place_of_the_usual_one(runner: ProjectRunner, private_index: str) -> None:
    one = checked(runner, f"--index-url {private_index}\n# -c \nslackclient\n")
    assert [(item["name"], item["version"]) for item in one["changes"]] == [("slackclient", "0.0.1")]
    assert one["built"] == []  # its wheel is known to fit


class SizedIndex(http.server.BaseHTTPRequestHandler):
    """An index that tells sizes, as PyPI does (PEP 700), of one package without dependencies."""

    def do_GET(self) -> None:
        name = "slackclient-0.0.1-py3-none-any.whl"
        if self.path == f"/{name}.metadata":
            self.answer("text/plain", "Metadata-Version: 2.1\nName: slackclient\nVersion: 0.0.1\n")
        elif self.path == "/simple/slackclient/":
            hashes = {"sha256": 64 * "a"}
            file = {"filename": name, "url": f"/{name}", "hashes": hashes, "size": SIZE_BYTES, "core-metadata": True}
            page = {"meta": {"api-version": "1.1"}, "name": "slackclient", "versions": ["0.0.1"], "files": [file]}
            self.answer("application/vnd.pypi.simple.v1+json", json.dumps(page))
        else:
            self.send_error(404)

    def answer(self, kind: str, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *words: object) -> None:
        pass


def test_size_and_time_are_reported_where_the_index_knows_sizes(runner: ProjectRunner) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), SizedIndex) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/simple"
        one = checked(runner, f"--index-url {url}\n# -c \nslackclient\n")
        server.shutdown()
    assert [item["size_bytes"] for item in one["changes"]] == [SIZE_BYTES]
    assert one["download_bytes"] == SIZE_BYTES
    assert one["install_estimate_s"] > 10


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_file_that_asks_for_nothing_works(runner: ProjectRunner, text: str) -> None:
    assert checked(runner, text)["outcome"] == "works"


def test_without_constraints_a_package_of_the_image_may_go_down(runner: ProjectRunner) -> None:
    """The comment keeps MWAA from adding the constraints; the essential pins do not hold Jinja2."""
    one = checked(runner, f"{OWN_WHEELS}# -c \nalpha==2.0\n")
    assert one["outcome"] == "works"
    assert ("jinja2", "3.1.6", "2.11.3", "downgraded") in {
        (item["name"], item["base_version"], item["version"], item["change"]) for item in one["changes"]
    }
    assert "constraint-opt-out" in rules(one)


def test_variable_of_an_option_is_known(runner: ProjectRunner) -> None:
    runner.write({"mwaa.yaml": f'AirflowVersion: "{VERSION}"\nAirflowConfigurationOptions:\n  app.version: "1.0"\n'})
    one = checked(runner, f"{OWN_WHEELS}alpha==${{AIRFLOW__APP__VERSION}}\n")
    assert [(item["name"], item["version"]) for item in one["changes"]] == [("alpha", "1.0")]


# Conflicts.


def test_conflict_names_line_pin_and_origin_and_what_works_instead(runner: ProjectRunner) -> None:
    one = checked(runner, f"{OWN_WHEELS}\nalpha==2.0\nbeta==1.0\n")
    assert (one["outcome"], one["exit_code"]) == ("conflict", 1)
    [clash] = one["clashes"]
    assert (clash["path"], clash["line"], clash["requirement"]) == (FILE, 4, "alpha==2.0")
    assert (clash["other"], clash["origin"]) == (PINNED, f"the constraints of Airflow {VERSION}")
    assert "alpha>=2.0 needs jinja2<3" in clash["why"]
    assert clash["proposal"] == {"path": FILE, "line": 4, "old": "alpha==2.0", "new": "alpha==1.0"}


def test_essential_pin_holds_whatever_the_file_opts_out_of(runner: ProjectRunner) -> None:
    [clash] = checked(runner, f"{OWN_WHEELS}# -c \nSQLAlchemy==1.4.0\n")["clashes"]
    assert (clash["other"], clash["origin"]) == (ESSENTIAL, "MWAA's essential pins")
    assert clash["proposal"]["new"] == "SQLAlchemy==2.0.51"
    assert "dags/constraints.txt" not in clash["hint"]  # which would not help


def test_bound_that_the_file_sets_is_not_proposed_away(runner: ProjectRunner) -> None:
    make_wheel(runner.root_dir / "plugins", "jinja2", "3.2.0")
    text = f"{OWN_WHEELS}jinja2>=3.2\n"
    [clash] = checked(runner, text)["clashes"]
    assert (clash["other"], clash["proposal"]) == (PINNED, None)
    assert "No version that `jinja2>=3.2` allows fits." in clash["why"]
    assert "dags/constraints.txt without jinja2" in clash["hint"]
    assert check(runner, text, "--fix").exit_code == 1
    assert (runner.root_dir / FILE).read_text() == text


def test_bound_that_another_version_keeps_is_proposed(runner: ProjectRunner) -> None:
    make_wheel(runner.root_dir / "plugins", "alpha", "1.5", ["jinja2<3"])
    [clash] = checked(runner, f"{OWN_WHEELS}# -c \nbeta\nalpha>=1.0\ngamma\n")["clashes"]
    assert (clash["requirement"], clash["other"]) == ("gamma", "beta")


def test_releases_next_to_the_pin_are_the_reason(runner: ProjectRunner) -> None:
    folder = runner.root_dir / "plugins"
    for version, wanted in (("1.0", "jinja2<1"), ("2.0", "jinja2<3"), ("3.0", "jinja2>=4"), ("4.0", "jinja2>=5")):
        make_wheel(folder, "zeta", version, [wanted])
    for version in ("0.9", "2.11.3", "4.1", "5.1"):
        make_wheel(folder, "jinja2", version)
    [clash] = checked(runner, f"{OWN_WHEELS}zeta\n")["clashes"]
    assert "hold jinja2 at 3.1.6, but zeta 2.0 needs jinja2<3 and zeta 3.0 needs jinja2>=4." in clash["why"]
    assert "unpinned" not in rules(checked(runner, f"{OWN_WHEELS}zeta\n"))


def test_constraints_switched_off_are_no_error(runner: ProjectRunner) -> None:
    one = checked(runner, f"--constraint /dev/null\n{OWN_WHEELS}jinja2\n")
    assert (one["outcome"], one["exit_code"], rules(one)) == ("works", 0, {"constraint-opt-out"})


@pytest.mark.network
def test_constraints_of_a_release_that_never_was_are_an_error(runner: ProjectRunner) -> None:
    url = "https://raw.githubusercontent.com/apache/airflow/constraints-2.5.12/constraints-3.12.txt"
    one = checked(runner, f"-c {url}\nxmltodict==0.13.0\n")
    [clash] = one["clashes"]
    assert (clash["line"], one["exit_code"]) == (1, 1)
    assert "There is no Airflow 2.5.12" in clash["why"]
    assert "constraints-3.3.1" in clash["hint"]
    assert "other-release-constraints" not in rules(one)


@pytest.mark.network
def test_own_constraints_by_a_name_like_airflows_are_no_release(runner: ProjectRunner) -> None:
    runner.write({"dags/constraints-2024.1/constraints-3.12.txt": "xmltodict==0.13.0\n"})
    one = checked(runner, "-c /usr/local/airflow/dags/constraints-2024.1/constraints-3.12.txt\nxmltodict\n")
    assert (one["outcome"], one["exit_code"]) == ("works", 0)


def test_two_lines_that_do_not_go_together_are_both_named(runner: ProjectRunner) -> None:
    [clash] = checked(runner, f"{OWN_WHEELS}# -c \nbeta\nalpha==2.0\n")["clashes"]
    assert (clash["line"], clash["other"], clash["origin"]) == (5, "beta", f"{FILE}:4")
    assert clash["proposal"]["new"] == "alpha==1.0"


def test_package_that_fits_in_no_version_has_no_proposal(runner: ProjectRunner) -> None:
    [clash] = checked(runner, f"{OWN_WHEELS}gamma\n")["clashes"]
    assert clash["proposal"] is None
    assert "No other version of gamma works here" in clash["why"]


def test_every_line_at_fault_is_reported_at_once(runner: ProjectRunner) -> None:
    one = checked(runner, f"{OWN_WHEELS}alpha==2.0\nno-such-package\nbeta==9\nbeta==1.0\n")
    assert [clash["line"] for clash in one["clashes"]] == [3, 4, 5]


def test_fix_writes_what_was_resolved_and_the_file_then_works(runner: ProjectRunner) -> None:
    outcome = check(runner, f"{OWN_WHEELS}alpha==2.0  # why\r\nbeta==1.0\n", "--fix")
    assert outcome.exit_code == 0, outcome.stdout  # of the file as it is now
    assert f"changed {FILE}:3: alpha==2.0 -> alpha==1.0" in outcome.stderr
    text = (runner.root_dir / FILE).read_bytes().decode()
    assert text == f"{OWN_WHEELS}alpha==1.0  # why\r\nbeta==1.0\n"
    assert checked(runner, text)["outcome"] == "works"


def test_diff_shows_the_change_and_writes_nothing(runner: ProjectRunner) -> None:
    text = f"{OWN_WHEELS}alpha==2.0\n"
    outcome = check(runner, text, "--diff")
    assert "-alpha==2.0\n+alpha==1.0\n" in outcome.stdout
    assert (runner.root_dir / FILE).read_text() == text


def test_line_that_pip_cannot_read_is_reported_as_that(runner: ProjectRunner) -> None:
    one = checked(runner, f"{OWN_WHEELS}alpha==1.0\nfoo bar baz\n--frobnicate\n")
    assert (one["outcome"], [clash["line"] for clash in one["clashes"]]) == ("invalid", [4, 5])
    assert "invalid-requirement" not in rules(one)  # that would be the same once more
    text = check(runner, f"{OWN_WHEELS}alpha==1.0\nfoo bar baz\n--frobnicate\n").stdout
    assert "does not work on" in text
    assert "pip cannot read 2 lines" in text
    assert f"{FILE}:4: error[invalid-requirement] pip cannot read `foo bar baz`" in text
    assert "conflict" not in text


def test_file_that_is_named_and_not_there_is_the_line_s_own_fault(runner: ProjectRunner) -> None:
    [clash] = checked(runner, f"{OWN_WHEELS}-r nothere.txt\nalpha==1.0\n")["clashes"]
    assert (clash["line"], clash["requirement"]) == (3, "-r nothere.txt")
    assert "is not there" in clash["why"]


def test_pin_of_the_user_s_own_constraints_is_named_by_its_line(runner: ProjectRunner) -> None:
    runner.write({"dags/constraints.txt": "# ours\nalpha==1.0\n"})
    [clash] = checked(runner, f"{OWN_WHEELS}--constraint /usr/local/airflow/dags/constraints.txt\nalpha==2.0\n")[
        "clashes"
    ]
    assert (clash["other"], clash["origin"]) == ("alpha==1.0", "dags/constraints.txt:2")
    assert clash["why"] == "dags/constraints.txt:2 holds alpha at 1.0."


# Pre-releases: pip takes one where a line asks for one, or where there is nothing else.


def test_prerelease_is_not_taken_where_a_final_version_fits_the_line(runner: ProjectRunner) -> None:
    make_wheel(runner.root_dir / "plugins", "alpha", "3.0rc1")
    one = checked(runner, f"{OWN_WHEELS}alpha>1.0\n")
    assert one["outcome"] == "conflict"  # alpha 2.0, the only final one, does not go with the constraints


def test_prerelease_is_taken_where_no_final_version_fits_the_line(runner: ProjectRunner) -> None:
    make_wheel(runner.root_dir / "plugins", "alpha", "3.0rc1")
    assert [item["version"] for item in checked(runner, f"{OWN_WHEELS}alpha>2.0\n")["changes"]] == ["3.0rc1"]


@pytest.mark.parametrize("line", ["alpha>=3.0rc1", "alpha==3.0rc1"])
def test_prerelease_that_is_asked_for_is_taken(runner: ProjectRunner, line: str) -> None:
    make_wheel(runner.root_dir / "plugins", "alpha", "3.0rc1")
    assert [item["version"] for item in checked(runner, f"{OWN_WHEELS}{line}\n")["changes"]] == ["3.0rc1"]


def test_package_of_prereleases_alone_is_taken(runner: ProjectRunner) -> None:
    make_wheel(runner.root_dir / "plugins", "delta", "0.1b1", ["epsilon==0.1b1"])
    make_wheel(runner.root_dir / "plugins", "epsilon", "0.1b1")
    names = [item["name"] for item in checked(runner, f"{OWN_WHEELS}delta\n")["changes"]]
    assert names == ["delta", "epsilon"]


# Releases.


def test_several_releases_make_a_verdict_each(runner: ProjectRunner) -> None:
    """Constraints came with 2.7.2: what they forbid later, nothing forbids before."""
    outcome = check(runner, f"{OWN_WHEELS}alpha==2.0\n", "--json", "--airflow-version", f"2.2.2,{VERSION}")
    assert [(one["airflow_version"], one["outcome"]) for one in json.loads(outcome.stdout)["checked"]] == [
        ("2.2.2", "works"),
        (VERSION, "conflict"),
    ]
    assert outcome.exit_code == 1


def test_all_prints_a_row_for_every_release(runner: ProjectRunner) -> None:
    outcome = check(runner, f"{OWN_WHEELS}alpha==1.0\n", "--all")
    rows = [line.split() for line in outcome.stdout.splitlines()[1:] if line]
    assert outcome.exit_code == 0, outcome.stdout
    assert len(rows) == 16
    assert {row[2] for row in rows} == {"works"}


def test_unknown_release_is_refused(runner: ProjectRunner) -> None:
    outcome = check(runner, "", "--airflow-version", "9.9.9")
    assert (outcome.exit_code, "Amazon MWAA has no Airflow version '9.9.9'" in outcome.stderr) == (3, True)


# What cannot be checked.


def test_index_that_does_not_answer_is_no_verdict(runner: ProjectRunner) -> None:
    outcome = check(runner, "some-package==1.0\n", env={"PIP_INDEX_URL": f"{DEAD_INDEX}simple", "UV_HTTP_RETRIES": "0"})
    assert outcome.exit_code == 3
    assert "could not be reached" in outcome.stdout
    assert "PIP_INDEX_URL" in outcome.stdout


def test_file_that_is_not_there(runner: ProjectRunner) -> None:
    (runner.root_dir / FILE).unlink()
    outcome = runner.run("check", "requirements")
    assert (outcome.exit_code, "there is no" in outcome.stderr) == (3, True)


def test_file_that_is_no_text_is_no_verdict(runner: ProjectRunner) -> None:
    (runner.root_dir / FILE).write_bytes(b"alpha==1.0\n\xff\n")
    outcome = runner.run("check", "requirements")
    assert "Traceback" not in outcome.stderr
    assert outcome.exit_code != 0
    assert "UTF-8" in outcome.stdout


def test_password_of_an_index_is_shown_nowhere(runner: ProjectRunner) -> None:
    text = "--index-url http://me:geheim@127.0.0.1:9/simple\nalpha==1.0\n"
    outcome = check(runner, text, env={"UV_HTTP_RETRIES": "0"})
    assert "geheim" not in outcome.stdout + outcome.stderr
    assert "index-credentials" in outcome.stdout


# Formats.


def test_every_format_tells_of_the_conflict(runner: ProjectRunner) -> None:
    text = f"{OWN_WHEELS}alpha==2.0\n"
    junit = ElementTree.fromstring(check(runner, text, "--format", "junit").stdout)
    assert junit.find(".//failure") is not None
    [run] = json.loads(check(runner, text, "--format", "sarif").stdout)["runs"]
    [place] = next(item for item in run["results"] if item["ruleId"] == "conflict")["locations"]
    assert place["physicalLocation"]["region"]["startLine"] == 3
    assert f"::error file={FILE},line=3," in check(runner, text, "--format", "github").stdout


def test_test_requirements_is_the_same_command(runner: ProjectRunner) -> None:
    runner.write({FILE: f"{OWN_WHEELS}alpha==2.0\n"})
    assert runner.run("test-requirements").stdout == runner.run("check", "requirements").stdout


def test_no_file_is_left_behind(runner: ProjectRunner, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    check(runner, f"{OWN_WHEELS}alpha==2.0\n", env={"TMPDIR": str(tmp_path / "tmp")})
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (runner.root_dir / ".mwaa-local").exists()


# With the package index.


def test_failure_of_uv_itself_is_no_verdict(runner: ProjectRunner) -> None:
    outcome = check(runner, "alpha\n", env={"UV_CACHE_DIR": "/proc/x"})
    assert outcome.exit_code == 3
    assert "was not checked" in outcome.stdout
    assert "uv could not look for versions" in outcome.stdout


def test_repository_that_does_not_answer_is_no_verdict(runner: ProjectRunner) -> None:
    outcome = check(runner, "alpha @ git+https://127.0.0.1:9/alpha\n")
    assert outcome.exit_code == 3
    assert "was not checked" in outcome.stdout


def test_editable_repository_is_looked_for_where_it_is(runner: ProjectRunner) -> None:
    outcome = check(runner, "-e git+https://127.0.0.1:9/alpha@v1#egg=alpha\n")
    assert outcome.exit_code == 3
    assert "cannot be editable" not in outcome.stdout
    assert "alpha @ git+https://127.0.0.1:9/alpha" in outcome.stdout


def test_empty_index_variable_is_passed_over_as_by_pip(runner: ProjectRunner) -> None:
    outcome = check(runner, f"{OWN_WHEELS}alpha==1.0\n", env={"PIP_INDEX_URL": ""})
    assert outcome.exit_code == 0, outcome.stdout


def test_fix_for_several_releases_says_which_change_was_not_made(runner: ProjectRunner) -> None:
    make_wheel(runner.root_dir / "plugins", "jinja2", "3.1.4")
    text = f"{OWN_WHEELS}jinja2==2.11.3\n"
    outcome = check(runner, text, "--fix", "--airflow-version", "2.10.3,3.3.1")
    said = [line for line in outcome.stderr.splitlines() if "jinja2==2.11.3 ->" in line]
    assert len(said) == 2, outcome.stderr
    assert [line.startswith("not changed") for line in said] == [False, True]


def test_no_version_is_proposed_of_which_mwaa_gets_no_wheel(runner: ProjectRunner) -> None:
    folder = runner.root_dir / "plugins"
    make_wheel(folder, "delta", "1.0", ["jinja2<3"])
    (made,) = folder.glob("delta-1.0-*.whl")
    made.rename(folder / "delta-1.0-py3-none-win_amd64.whl")
    make_wheel(folder, "delta", "2.0", ["jinja2<3"])
    one = checked(runner, f"{OWN_WHEELS}delta==2.0\n")
    assert one["outcome"] == "conflict"
    assert [clash["proposal"] for clash in one["clashes"]] == [None]


def test_line_that_no_other_version_was_tried_of_is_not_called_hopeless(runner: ProjectRunner) -> None:
    one = checked(runner, f"{OWN_WHEELS}alpha==2.0 --hash=sha256:{'1' * 64}\n")
    assert one["outcome"] == "conflict"
    assert "No other version" not in one["clashes"][0]["why"]


def test_pipe_in_place_of_a_file_is_refused(runner: ProjectRunner) -> None:
    os.mkfifo(runner.root_dir / "pipe.txt")
    outcome = runner.run("check", "requirements", "pipe.txt")
    assert outcome.exit_code == 3
    assert "is no file" in outcome.stderr


@pytest.mark.parametrize(
    ("number", "exit_code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated"), (signal.SIGHUP, 129, "terminated")],
)
def test_signal_ends_the_check_of_all_releases_at_once(
    runner: ProjectRunner, number: signal.Signals, exit_code: int, word: str
) -> None:
    SilentIndex.asked.clear()
    SilentIndex.may_answer.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), SilentIndex) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/simple"
        runner.write({FILE: "alpha\n"})
        argv = [sys.executable, "-m", "mwaa_local", "check", "requirements", "--all"]
        env = {**runner.env, "PIP_INDEX_URL": url, "UV_DEFAULT_INDEX": url}
        process = subprocess.Popen(argv, cwd=runner.root_dir, env=env, stderr=subprocess.PIPE, text=True)
        assert SilentIndex.asked.wait(30)
        uv = psutil.Process(process.pid).children(recursive=True)
        began = time.monotonic()
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
        SilentIndex.may_answer.set()
        server.shutdown()
    assert (process.returncode, "Traceback" in said, word in said) == (exit_code, False, True), said
    assert uv
    assert psutil.wait_procs(uv, timeout=5)[1] == []
    assert time.monotonic() - began < 8


class SilentIndex(http.server.BaseHTTPRequestHandler):
    """An index that takes questions and leaves them open."""

    asked, may_answer = threading.Event(), threading.Event()

    def do_GET(self) -> None:
        self.asked.set()
        self.may_answer.wait(60)


@pytest.mark.network
def test_real_packages_are_resolved_for_mwaa_and_not_for_this_machine(runner: ProjectRunner) -> None:
    one = checked(runner, "scikit-learn\n")
    found = {item["name"]: item["version"] for item in one["changes"]}
    assert (one["outcome"], found["scikit-learn"], found["scipy"]) == ("works", "1.9.0", "1.18.0")
    assert one["built"] == []


@pytest.mark.network
def test_old_provider_conflicts_with_the_constraints(runner: ProjectRunner) -> None:
    [clash] = checked(runner, "apache-airflow-providers-snowflake==5.0.0\n")["clashes"]
    assert clash["other"] == "apache-airflow-providers-snowflake==6.16.0"


@pytest.mark.network
def test_provider_that_replaces_airflow_is_an_error_though_pip_would_take_it(runner: ProjectRunner) -> None:
    """Nothing holds Airflow on 2.2.2, and the provider wants a newer one."""
    one = checked(runner, "apache-airflow-providers-amazon==6.0.0\n", "--airflow-version", "2.2.2")
    assert (one["outcome"], one["exit_code"]) == ("works", 1)
    assert "replaces-airflow" in rules(one)


@pytest.mark.network
def test_package_that_is_source_only_is_built_for_a_try(runner: ProjectRunner) -> None:
    one = checked(runner, "pyspark\n", "--airflow-version", "2.10.3")
    assert one["outcome"] == "works"
    assert [(item["name"], item["problem"]) for item in one["built"]] == [("pyspark", "")]
