"""`mwaa-local api`: what is served, in front of somebody and not, and what it says."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from mwaa_local.cli.api import root_of
from mwaa_local.errors import ProjectNotFound
from tests.conftest import ProjectRunner


def about(url: str) -> dict[str, object]:
    with urllib.request.urlopen(f"{url}/_mwaa-local/api", timeout=30) as answer:
        plain: dict[str, object] = json.loads(answer.read())
        return plain


def test_project_is_looked_for_upwards_and_any_other_folder_is_one_of_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project" / "dags" / "inner").mkdir(parents=True)
    (tmp_path / "made" / ".mwaa-local").mkdir(parents=True)  # left by an API of the folder
    assert root_of(tmp_path / "project") == (tmp_path / "project", False)
    assert root_of(tmp_path / "project" / "dags") == (tmp_path / "project" / "dags", True)
    assert root_of(tmp_path / "made") == (tmp_path / "made", True)
    monkeypatch.chdir(tmp_path / "project" / "dags" / "inner")
    assert root_of(None) == (tmp_path / "project", False)
    with pytest.raises(ProjectNotFound, match="no such folder") as caught:
        root_of(tmp_path / "absent")
    assert caught.value.hint == f"make it: mkdir {tmp_path / 'absent'}"


def test_it_serves_in_front_until_the_signal(project: Callable[..., ProjectRunner]) -> None:
    runner = project({"mwaa.yaml": "AirflowVersion: 3.3.1\n"})
    front = runner.begin("api")
    assert front.stderr is not None
    assert front.stdout is not None
    try:
        assert front.stderr.readline() == f"MWAA's API for {runner.root_dir} answers\n"
        url = front.stdout.readline().strip()
        assert about(url)["pid"] == front.pid
        other = runner.run("api", "--detach", "--json")  # one that somebody looks at stays
        assert (other.exit_code, json.loads(other.stdout)["pid"]) == (0, front.pid)
        second = runner.run("api")
        assert second.exit_code == 3
        assert f"an API already serves {runner.root_dir}" in second.stderr
        assert f"process {front.pid}, at {url}" in second.stderr
    finally:
        front.send_signal(signal.SIGINT)
        assert front.wait(60) == 0


def test_one_in_front_takes_the_place_of_one_that_nobody_sees(project: Callable[..., ProjectRunner]) -> None:
    runner = project({"dags/a.py": ""})
    before = json.loads(runner.run("api", "--detach", "--json").stdout)
    front = runner.begin("api")
    assert front.stdout is not None
    try:
        url = front.stdout.readline().strip()
        assert url == before["url"]  # whoever has noted the address down still comes there
        assert about(url)["pid"] == front.pid != before["pid"]
        assert front.stderr is not None
        said = "".join(front.stderr.readline() for _ in range(5))
        assert f"it took the place of process {before['pid']}, which answered in the background at {url}" in said
        assert f"mwaa-local api {runner.root_dir} --detach" in said
        assert "stopped" in runner.run("api", "--stop").stderr
        assert front.wait(60) == 0
    finally:
        front.kill()


def test_folder_of_projects_is_served_and_the_api_ended_on_request(project: Callable[..., ProjectRunner]) -> None:
    runner = project({"readme.txt": "no project"})
    started = runner.run("api", ".", "--detach")
    assert started.exit_code == 0, started.stderr
    assert f"the environments in {runner.root_dir} answers" in started.stderr
    assert about(started.stdout.strip())["root"] == str(runner.root_dir)
    status = runner.run("status")
    assert (status.exit_code, f"there are no environments in {runner.root_dir}" in status.stderr) == (1, True)
    assert json.loads(runner.run("status", "--json").stdout)["service"]["api"] == started.stdout.strip()
    lists_environments(runner)
    assert "stopped" in runner.run("api", ".", "--stop").stderr
    assert "no API is running" in runner.run("api", ".", "--stop").stderr


def lists_environments(runner: ProjectRunner) -> None:
    """Ask by boto3 in a process that has nothing but what `aws-env` prints, as in a shell without an AWS of its own."""
    outcome = runner.run("aws-env", env={"HOME": str(runner.root_dir)})
    assert "unset both before you ask the real AWS" in outcome.stderr
    printed = outcome.stdout
    variables = dict(shlex.split(line)[1].split("=", 1) for line in printed.splitlines())
    program = "import boto3; print(boto3.client('mwaa').list_environments()['Environments'])"
    env = {"PATH": os.environ["PATH"], "HOME": str(runner.root_dir), **variables}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_port_of_another_is_told(project: Callable[..., ProjectRunner]) -> None:
    one, two = project({"dags/a.py": ""}, name="one"), project({"dags/a.py": ""}, name="two")
    url = one.run("api", "--detach").stdout.strip()
    port = url.rpartition(":")[2]
    for more in ((), ("--detach",)):
        refused = two.run("api", "--port", port, *more)
        assert refused.exit_code == 3
        assert f"the API cannot listen on port {port}" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert "stopped" in one.run("api", "--stop").stderr
