"""What breaks while it runs, and comes back. One environment for all tests here, in a folder with an awkward name.

Not the shared one: it has to run beside that, and loses its supervisor, its database and its state folder here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from mwaa_local.door.tokens import WEB, mint
from tests.conftest import ProjectRunner
from tests.environments import (
    RunningEnvironment,
    alive,
    plain_files,
    start,
    stopped_at_the_end,
    wait_until,
)

pytestmark = [pytest.mark.full, pytest.mark.network]

RESTART_TIMEOUT_S = 90.0
MARKED_RUN = "run_that_must_survive"
UNIX_SOCKET_PATH_BYTES = 108  # Linux: sizeof(sockaddr_un.sun_path)
AWKWARD_NAME = "a project with spaces and 'quotes' " + "x" * UNIX_SOCKET_PATH_BYTES


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEnvironment]:
    """An environment of this module's own, which its tests break; a DAG run of it is in the database."""
    with stopped_at_the_end(tmp_path_factory.mktemp("failures"), AWKWARD_NAME) as runner:
        runner.write(plain_files())
        environment = start(runner)
        environment.trigger("other_queue", MARKED_RUN)
        yield environment


def kill(running: RunningEnvironment, name: str) -> int:
    pid = running.pids()[name]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def restarts(running: RunningEnvironment, name: str) -> int:
    return next(item.restarts for item in running.runtime.status() if item.name == name)


def came_back(running: RunningEnvironment, name: str, old_pid: int) -> bool:
    return running.pids()[name] not in (None, old_pid) and bool(running.status()["healthy"])


def test_two_environments_run_side_by_side(running: RunningEnvironment, latest_environment: RunningEnvironment) -> None:
    ours, theirs = running.plan(), latest_environment.plan()
    assert not set(ours.ports.values()) & set(theirs.ports.values())
    assert running.status()["healthy"]
    assert latest_environment.status()["healthy"]
    assert latest_environment.run_state("other_queue", MARKED_RUN) == ""
    assert {process.pid for process in running.processes()}.isdisjoint(
        process.pid for process in latest_environment.processes()
    )


@pytest.mark.parametrize("name", ["scheduler", "worker.1", "redis", "postgres"])
def test_killed_component_comes_back_and_nothing_is_lost(running: RunningEnvironment, name: str) -> None:
    before = restarts(running, name)
    old_pid = kill(running, name)
    wait_until(lambda: came_back(running, name, old_pid), RESTART_TIMEOUT_S, f"{name} back and all healthy")
    assert restarts(running, name) == before + 1
    assert running.run_state("other_queue", MARKED_RUN) != ""
    assert "signal SIGKILL" in running.run("logs", name).stdout


def test_dag_still_runs_after_all_that(running: RunningEnvironment) -> None:
    running.trigger("other_queue", "after_all_that")
    assert running.wait_for_run("other_queue", "after_all_that") == "failed"


def test_killed_supervisor_leaves_no_orphan_and_up_works(running: RunningEnvironment) -> None:
    processes = running.processes()
    processes[0].kill()
    wait_until(lambda: alive(processes[:1]) == [], 10, "the supervisor's end")
    status = running.run("status")
    assert status.exit_code == 1
    assert "the environment ended without `mwaa-local down`" in status.stderr
    assert "hint: mwaa-local up" in status.stderr
    refused = running.run("airflow", "version")
    assert refused.exit_code == 3
    assert "mwaa-local up" in refused.stderr
    outcome = running.run("up", "--port", "0")
    assert outcome.exit_code == 0, outcome.stderr
    assert alive(processes) == []
    assert running.run_state("other_queue", MARKED_RUN) != ""


def test_reset_db_removes_dag_runs_and_keeps_secrets(running: RunningEnvironment) -> None:
    secrets_path = running.project.state_dir / "secrets.json"
    before = secrets_path.read_text()
    processes = running.processes()
    refused = running.run("reset-db", stdin="n\n")
    assert refused.exit_code == 1
    assert running.run_state("other_queue", MARKED_RUN) != ""
    assert running.run("reset-db", "--yes").exit_code == 0
    assert alive(processes) == []
    outcome = running.run("up", "--port", "0")
    assert outcome.exit_code == 0, outcome.stderr
    assert running.run_state("other_queue", MARKED_RUN) == ""
    fernet_key = before.split('"fernet_key": "')[1].split('"')[0]
    assert fernet_key in secrets_path.read_text()


def test_nobody_is_signed_in_to_the_database_of_after_reset_db(running: RunningEnvironment) -> None:
    """Airflow's sessions hold a user's number alone, and the new database gives these numbers to others."""
    login = running.url() + "/pluginsv2/aws_mwaa/login"
    curl = ["curl", "-sS", "-o", os.devnull, "-w", "%{http_code}"]
    patience = ["--retry", "30"]  # a web server that has just started says 503 to who signs in

    def sign_in(*words: str) -> None:
        about = json.loads((running.project.run_dir / "door.json").read_text())
        token = mint(about["keys"]["door"], WEB, about["environment"], role="Admin", user=words[-1])
        assert output_of([*curl, *patience, *words[:-1], "-d", f"token={token}", login]) == "200"

    jar = str(running.project.run_dir.parent / "jar")
    sign_in("-c", jar, "ann")
    variables = [*curl, "-b", jar, running.url() + "/api/v2/variables"]
    assert output_of(variables) == "200"
    port = running.url().rpartition(":")[2]
    assert running.run("reset-db", "--yes").exit_code == 0
    assert running.run("up", "--port", port).exit_code == 0
    sign_in("bob")  # takes the number
    assert output_of(variables) == "403"


def output_of(argv: list[str]) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=300).stdout


def test_state_folder_removed_while_running_is_noticed(running: RunningEnvironment) -> None:
    """Its processes go on for a while without the files that name them; the next `up` finds and ends them."""
    processes = running.processes()
    subprocess.run(["rm", "-rf", str(running.project.state_dir)], check=False)
    status = running.run("status")
    assert status.exit_code == 1
    assert "Traceback" not in status.stderr
    outcome = running.run("up", "--port", "0")
    assert outcome.exit_code == 0, outcome.stderr
    assert alive(processes) == []
    assert running.status()["healthy"]


def test_interrupted_up_ends_with_130_and_leaves_nothing(project: Callable[..., ProjectRunner]) -> None:
    runner = project(plain_files())
    up = runner.begin("up", "--port", "0")
    try:
        assert up.stderr is not None
        next(line for line in up.stderr if line.startswith("postgres"))
        up.send_signal(signal.SIGINT)
        _, rest = up.communicate(timeout=60)
    finally:
        up.kill()
    assert up.returncode == 130
    assert "stopping what was started\n" in rest
    assert "Traceback" not in rest
    assert processes_of(runner) == []
    assert runner.run("status").exit_code == 1


def processes_of(runner: ProjectRunner) -> list[psutil.Process]:
    """Return what runs with the project's folder in its command line or its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            text = " ".join([*process.cmdline(), *process.environ().values()])
        except psutil.Error:
            continue
        if str(runner.root_dir) in text and process.pid != os.getpid():
            found.append(process)
    return alive(found)


def test_startup_script_that_fails_stops_the_start(project: Callable[..., ProjectRunner]) -> None:
    runner = project({**plain_files(), "startup/startup.sh": "export A=1\nset -e\nfalse\n"})
    outcome = runner.run("up", "--port", "0")
    assert outcome.exit_code == 3
    assert "startup.sh:3: the startup script failed" in outcome.stderr
    assert "hint: remove `set -e`" in outcome.stderr
    time.sleep(0.2)
    assert processes_of(runner) == []


def test_down_without_an_environment_says_so(project: Callable[..., ProjectRunner]) -> None:
    outcome = project(plain_files()).run("down")
    assert outcome.exit_code == 0
    assert "nothing is running here" in outcome.stderr
