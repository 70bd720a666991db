"""`mwaa-local test-startup-script` on a release's real packages, beside what a project keeps of its environment.

Source of the outcomes: aws/amazon-mwaa-docker-images, `bin/airflow-user/execute-user-startup-script` and
`python/mwaa/config/setup_environment.py`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import Outcome, ProjectRunner
from tests.environments import LATEST, plain_files

pytestmark = pytest.mark.network

# The function itself: whether the command is registered under this name is for the command line's own tests.
CODE = "import typer; from mwaa_local.cli import test_startup_script as it; typer.run(it.test_startup_script)"
COMPONENTS = ["scheduler", "worker", "webserver"]
STARTED_S = 60.0
LONG_S = 7000
Make = Callable[..., ProjectRunner]


def begin(runner: ProjectRunner, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CODE, *words],
        cwd=runner.root_dir,
        env=dict(runner.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(runner: ProjectRunner, *words: str) -> Outcome:
    process = begin(runner, *words)
    stdout, stderr = process.communicate(timeout=600)
    return Outcome(process.returncode, stdout, stderr)


def with_script(
    make: Make, script: str, version: str = LATEST, name: str = "project", **members: object
) -> ProjectRunner:
    runner = make(plain_files(version, **members), name)
    (runner.root_dir / "startup").mkdir()
    (runner.root_dir / "startup" / "startup.sh").write_bytes(script.encode())
    return runner


def tried(runner: ProjectRunner) -> dict[str, dict[str, Any]]:
    """Return what is said of each component, by its name."""
    outcome = run(runner, "--json")
    assert outcome.exit_code in (0, 1), outcome.stderr
    plain = json.loads(outcome.stdout)
    assert plain["starts"] is (outcome.exit_code == 0)
    assert [item["component"] for item in plain["components"]] == COMPONENTS
    return {item["component"]: item for item in plain["components"]}


def state_of(runner: ProjectRunner) -> list[str]:
    return sorted(path.name for path in (runner.root_dir / ".mwaa-local").iterdir())


def test_variables_are_kept_refused_and_lost(project: Make) -> None:
    script = (
        "export TOKEN=abc\nLOST=1\nexport AIRFLOW_HOME=/elsewhere AIRFLOW__CORE__PARALLELISM=7\n"
        "export AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT=9\nif [ $MWAA_AIRFLOW_COMPONENT = worker ]; then export W=1; fi\n"
    )
    options = {"core.dagbag_import_timeout": "60"}
    components = tried(with_script(project, script, AirflowConfigurationOptions=options))
    assert components["worker"]["kept"] == ["TOKEN", "W"]
    assert components["scheduler"]["kept"] == ["TOKEN"]
    refused = {item["name"]: item["reason"] for item in components["scheduler"]["refused"]}
    assert list(refused) == ["AIRFLOW_HOME", "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT", "AIRFLOW__CORE__PARALLELISM"]
    assert "protects this name" in refused["AIRFLOW_HOME"]
    assert "configuration option overrides" in refused["AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT"]
    assert components["scheduler"]["lost"] == ["LOST"]
    assert "abc" not in json.dumps(components)


# An overlay can have no layer below the second folder, so that the script gets a copy of the packages there.
@pytest.mark.parametrize("name", ["project", pytest.param("project,mine", marks=pytest.mark.full)])
def test_script_has_the_releases_airflow_a_fresh_home_and_packages_of_its_own(project: Make, name: str) -> None:
    script = (
        "set -e\ncd $AIRFLOW_HOME\nmkdir only_once\ntest -d dags\ntest -r $AIRFLOW_CONSTRAINTS_FILE\n"
        "export SAYS=$(python -c 'import airflow; print(airflow.__version__)')\n"
        f"test $SAYS = {LATEST}\n"
        "python -c 'import pathlib, airflow; p = pathlib.Path(airflow.__file__).parents[1] / \"mine\"; p.mkdir()'\n"
    )
    runner = with_script(project, script, name=name)
    for _ in range(2):
        components = tried(runner)
        assert [item["failure"] for item in components.values()] == [None] * len(COMPONENTS)
    assert state_of(runner) == [".gitignore", "startup-test"]
    logs = {path.name for path in (runner.root_dir / ".mwaa-local" / "startup-test").iterdir()}
    assert logs == {f"{name}.log" for name in COMPONENTS}
    base_dirs = (Path(runner.env["MWAA_LOCAL_CACHE_DIR"]) / "environments").glob(f"{LATEST}-*/lib/*/site-packages")
    assert not any((folder / "mine").exists() for folder in base_dirs)


def test_script_that_fails_in_one_component_names_line_and_exit_code(project: Make) -> None:
    script = "export A=1\nset -e\nif [ $MWAA_AIRFLOW_COMPONENT = webserver ]; then\n  bash -c 'exit 7'\nfi\n"
    runner = with_script(project, script)
    components = tried(runner)
    assert [components[name]["starts"] for name in COMPONENTS] == [True, True, False]
    failed = components["webserver"]
    assert (failed["failed_line"], failed["exit_code"], failed["kept"]) == (4, 7, [])
    assert "`set -e`" in failed["failure"]["why"]
    outcome = run(runner)
    assert outcome.exit_code == 1
    assert "startup.sh:4: the startup script failed in the webserver" in outcome.stderr
    assert "would keep MWAA from starting" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_text_has_a_row_for_each_component_and_ends_well(project: Make) -> None:
    outcome = run(with_script(project, "export A=1\nexit 3\n"))
    assert outcome.exit_code == 0
    rows = [line.split() for line in outcome.stdout.splitlines()[1:4]]
    assert [(row[0], row[1], row[2]) for row in rows] == [(name, "starts", "3") for name in COMPONENTS]
    assert " s of 300 s " in outcome.stdout
    assert "\nkept: A\n" in outcome.stdout
    assert "exit code 3; MWAA ignores that" in outcome.stderr


def test_windows_line_endings_are_reported(project: Make) -> None:
    runner = with_script(project, "export A=1\r\n")
    assert json.loads(run(runner, "--json").stdout)["windows_line_endings"] is True
    assert "CRLF" in run(runner).stderr


@pytest.fixture
def sleep() -> Iterator[str]:
    """Return a `sleep` command that only this test uses; what still runs of it at the end is stopped."""
    argument = f"{LONG_S}.{time.time_ns()}"
    yield f"sleep {argument}"
    for process in running(f"sleep {argument}"):
        process.kill()


def running(command: str) -> list[psutil.Process]:
    found = psutil.process_iter(["cmdline"])
    return [process for process in found if process.info["cmdline"] == command.split()]


def test_what_the_script_leaves_running_is_ended(project: Make, sleep: str) -> None:
    runner = with_script(project, f"{sleep} &\nexport A=$!\n")
    assert tried(runner)["worker"]["kept"] == ["A"]
    assert not running(sleep)


@pytest.mark.parametrize("whole_group", [True, False], ids=["Ctrl-C", "kill"])
def test_interrupted_test_leaves_nothing_behind(project: Make, sleep: str, whole_group: bool) -> None:
    runner = with_script(project, f"{sleep}\n")
    process = begin(runner)
    deadline = time.monotonic() + STARTED_S
    while len(running(sleep)) < len(COMPONENTS):
        assert time.monotonic() < deadline, "the script never ran"
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT) if whole_group else os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=STARTED_S)
    assert not running(sleep)
    assert not list((runner.root_dir / ".mwaa-local" / "startup-test").glob("run-*"))


def test_script_that_changes_what_mwaa_looks_at_afterwards_is_told_and_works(project: Make) -> None:
    outcome = run(with_script(project, "pip3 install --quiet --no-deps watchtower==3.3.1\n"))
    assert outcome.exit_code == 0, outcome.stderr
    assert "the startup script replaces watchtower 3.4.0 of MWAA's image by 3.3.1" in outcome.stderr
    assert "apache-airflow version" not in outcome.stderr


def test_release_without_startup_script_says_so(project: Make) -> None:
    outcome = run(with_script(project, "exit 1\n", "1.10.12"))
    assert (outcome.exit_code, outcome.stdout) == (0, "MWAA runs no startup script with Airflow 1.10.12\n")


def test_project_without_startup_script_says_so(project: Make) -> None:
    outcome = run(project(plain_files()))
    assert outcome.exit_code == 0
    assert "there is no startup/startup.sh" in outcome.stdout
    assert json.loads(run(project(plain_files(), name="other"), "--json").stdout)["components"] == []
