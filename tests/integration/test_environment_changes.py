"""`up` on a running environment: what changed is applied, the rest goes on. It is down at the end.

The last that use the shared environment: to bring it back takes as long as a start.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
from collections.abc import Mapping

import pytest

from tests.airflow_output import json_in
from tests.environments import (
    LATEST,
    TEST_DAGS_DIR,
    RunningEnvironment,
    alive,
    wait_until,
    with_settings,
)
from tests.integration.test_environment import FOREIGN_NAME, raw_answer
from tests.shared_cases import dags_are_writable_as_asked_for, policies_are_loaded_and_have_no_effect
from tests.wheels import make_wheel

pytestmark = [pytest.mark.network, pytest.mark.disturbs]

SERVERS = {"postgres", "redis", "door", "metrics"}
NEW_DAG_TIMEOUT_S = 15.0
OPTION = {"app.colour": "green"}
WHEELS = "--no-index\n--find-links /usr/local/airflow/requirements/wheels\n"


@pytest.fixture(scope="module")
def running(latest_environment: RunningEnvironment) -> RunningEnvironment:
    make_wheel(latest_environment.root_dir / "requirements" / "wheels", "alpha", "1.0")
    return latest_environment


def write_settings(running: RunningEnvironment, **members: Mapping[str, object]) -> None:
    """Write the environment file of the first start with an option more, and with these members."""
    text = with_settings(running.files["mwaa.yaml"], AirflowConfigurationOptions=OPTION, **members)
    running.runner.write({"mwaa.yaml": text})


def up(running: RunningEnvironment, *words: str) -> None:
    outcome = running.run("up", *words)
    assert outcome.exit_code == 0, outcome.stderr


def restarted(before: Mapping[str, int | None], after: Mapping[str, int | None]) -> set[str]:
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def test_up_without_changes_restarts_nothing(running: RunningEnvironment) -> None:
    before = running.pids()
    outcome = running.run("up")
    assert outcome.exit_code == 0, outcome.stderr
    assert running.pids() == before
    assert None not in before.values()


def test_up_applies_an_option_and_leaves_the_servers_alone(running: RunningEnvironment) -> None:
    before = running.pids()
    write_settings(running)
    up(running)
    assert restarted(before, running.pids()) == set(before) - SERVERS
    outcome = running.run("airflow", "config", "get-value", "app", "colour")
    assert outcome.stdout.split()[-1] == "green"
    assert running.status()["healthy"]


def test_up_adds_a_worker_and_leaves_the_rest_alone(running: RunningEnvironment) -> None:
    before = running.pids()
    write_settings(running, Local={"Workers": 2})
    up(running)
    assert restarted(before, running.pids()) == {"worker.2"}
    assert running.status()["healthy"]
    write_settings(running, Local={"Workers": 1})  # without a fixed number it would stay until it is idle
    up(running)
    assert running.pids() == before


@pytest.mark.full
def test_up_makes_dags_read_only_and_writable_again(running: RunningEnvironment) -> None:
    dags_are_writable_as_asked_for(running)


@pytest.mark.full
def test_cluster_policies_have_no_effect(running: RunningEnvironment) -> None:
    policies_are_loaded_and_have_no_effect(running)


def test_new_dag_file_is_listed_within_seconds(running: RunningEnvironment) -> None:
    running.runner.write({"dags/fresh.py": (TEST_DAGS_DIR / "queues.py").read_text().replace("other_queue", "fresh")})
    wait_until(lambda: is_listed(running, "fresh"), NEW_DAG_TIMEOUT_S, "the new DAG")
    listed = running.run("airflow", "dags", "list", "-o", "json")
    assert listed.exit_code == 0
    assert "fresh" in [row["dag_id"] for row in json_in(listed.stdout)]


def is_listed(running: RunningEnvironment, dag_id: str) -> bool:
    return bool(running.query("SELECT 1 FROM dag WHERE dag_id = %s", dag_id))


def test_import_error_shows_in_up_and_status(running: RunningEnvironment) -> None:
    running.runner.write({"dags/broken.py": "from airflow.sdk import DAG\nimport no_such_module\n"})
    wait_until(lambda: running.status()["figures"]["import_errors"] == 1, NEW_DAG_TIMEOUT_S, "the import error")
    outcome = running.run("up")
    assert outcome.exit_code == 0
    error = "ModuleNotFoundError: No module named 'no_such_module'"
    assert f"dags/broken.py cannot be imported: {error}" in outcome.stderr
    shown = running.run("status").stdout
    assert "import errors 1" in shown
    assert f"\n  dags/broken.py: {error}\n" in shown
    assert running.status()["import_errors"] == [{"file": "dags/broken.py", "error": error}]
    (running.root_dir / "dags" / "broken.py").unlink()


def test_run_of_a_dag_that_is_not_there_says_so_and_what_is_like_it(running: RunningEnvironment) -> None:
    outcome = running.run("up", "--run", "other_quene")
    assert outcome.exit_code == 2
    told = outcome.stderr.partition("error: no DAG 'other_quene'\n")[2]
    assert "other_queue" in told.partition("DAGs that exist: ")[2].partition(".")[0].split(", ")
    assert "did you mean 'other_queue'?" in told


def test_run_of_a_dag_in_a_file_that_cannot_be_imported_names_its_line(running: RunningEnvironment) -> None:
    running.runner.write({"dags/ratio.py": "from airflow.sdk import DAG\n\nx = 1 / 0\nDAG('ratio')\n"})
    outcome = running.run("up", "--run", "ratio")
    assert outcome.exit_code == 1
    assert "error: cannot run ratio: dags/ratio.py:3 cannot be imported\n  ZeroDivisionError" in outcome.stderr
    (running.root_dir / "dags" / "ratio.py").unlink()


@pytest.mark.full
def test_interrupted_down_says_what_goes_on(running: RunningEnvironment) -> None:
    processes = running.processes()
    worker = running.pids()["worker.1"]
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)  # so that there is something to wait for
    with running.runner.begin("down", "--verbose") as stopping:
        assert stopping.stderr is not None
        while "stopping" not in stopping.stderr.readline():
            pass
        stopping.send_signal(signal.SIGINT)
        said = stopping.stderr.read()
    assert stopping.returncode == 130
    assert "the environment goes on stopping" in said
    assert running.run("down", "--now").exit_code == 0
    assert alive(processes) == []
    up(running, "--port", "0")  # the default one may be another test's


def test_airflow_command_passes_output_and_exit_code_on(running: RunningEnvironment) -> None:
    good = running.run("airflow", "version")
    assert (good.exit_code, good.stdout.strip().splitlines()[-1]) == (0, LATEST)
    assert running.run("airflow", "no-such-command").exit_code == 2


def test_airflow_command_reads_standard_input(running: RunningEnvironment) -> None:
    wait_until(lambda: is_listed(running, "other_queue"), NEW_DAG_TIMEOUT_S, "the DAG")
    outcome = running.run("airflow", "dags", "delete", "other_queue", stdin="n\n")
    assert "Cancelled" in outcome.stdout + outcome.stderr
    assert is_listed(running, "other_queue")


def test_changed_requirements_are_installed(running: RunningEnvironment) -> None:
    before = running.pids()
    running.runner.write({"requirements/requirements.txt": WHEELS + "alpha==1.0\n"})
    outcome = running.run("up")
    assert outcome.exit_code == 0, outcome.stderr
    assert "error" not in outcome.stderr
    assert restarted(before, running.pids()) == set(before) - SERVERS
    assert import_in(running, "alpha") == "1.0"
    assert problems(running) == []


def problems(running: RunningEnvironment) -> list[str]:
    """Return the severities of what `status` has to say, notes left out."""
    return [item["severity"] for item in running.status()["remarks"] if item["severity"] != "note"]


def import_in(running: RunningEnvironment, module: str) -> str:
    """Return the module's `version` as the environment's own interpreter sees it."""
    argv = [running.plan().preload_argv[0], "-c", f"import {module}; print({module}.version)"]
    return subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/").stdout.strip()


@pytest.mark.full
def test_failed_requirements_are_reported_loudly_and_airflow_runs(running: RunningEnvironment) -> None:
    """On MWAA nothing tells; here `up` ends with the reason, and `status` keeps saying it."""
    running.runner.write({"requirements/requirements.txt": "--no-index\nno-such-package-at-all==1.0\n"})
    outcome = running.run("up")
    assert outcome.exit_code == 0
    early = outcome.stderr.index("error: requirements/requirements.txt:2: no-such-package-at-all==1.0 cannot be met")
    assert early < outcome.stderr.index("error: requirements/requirements.txt was not installed")
    status = running.run("status")
    assert "requirements/requirements.txt was not installed" in status.stderr + status.stdout
    assert {item["state"] for item in running.status()["components"]} == {"ready"}
    assert problems(running) == ["error"]


@pytest.mark.full
def test_corrected_requirements_end_the_report(running: RunningEnvironment) -> None:
    running.runner.write({"requirements/requirements.txt": "# nothing any more\n"})
    up(running)
    assert problems(running) == []
    assert import_in(running, "alpha") == ""


def test_startup_script_that_fails_leaves_the_running_environment_alone(running: RunningEnvironment) -> None:
    before = running.pids()
    running.runner.write({"startup/startup.sh": "set -e\nfalse\n"})
    outcome = running.run("up")
    running.runner.write({"startup/startup.sh": running.files["startup/startup.sh"]})
    assert outcome.exit_code == 3
    assert "startup.sh:2: the startup script failed" in outcome.stderr
    assert running.pids() == before
    assert running.status()["healthy"]


@pytest.mark.full
def test_further_name_of_the_web_server_is_answered_and_nothing_else_restarted(running: RunningEnvironment) -> None:
    name, before = "my-machine.example.com", running.pids()
    assert raw_answer(running, "/api/v2/dags", Host=name).status_code == http.client.MISDIRECTED_REQUEST
    write_settings(running, Local={"WebserverNames": [name.title()]})
    up(running)
    assert restarted(before, running.pids()) == {"door"}
    assert raw_answer(running, "/api/v2/dags", Host=name + ":443").status_code == http.client.OK
    foreign = raw_answer(running, "/api/v2/dags", Host=FOREIGN_NAME)
    assert (foreign.status_code, name in foreign.text) == (http.client.MISDIRECTED_REQUEST, True)


@pytest.mark.full
def test_other_port_moves_only_what_needs_it(running: RunningEnvironment) -> None:
    before = running.pids()
    old_port = running.plan().ports["door"]
    other = next(port for port in range(old_port + 1, old_port + 200) if port_is_free(port))
    up(running, "--port", str(other))
    assert running.plan().ports["door"] == other
    after = running.pids()
    assert not restarted(before, after) & (SERVERS - {"door"})
    assert running.status()["healthy"]


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_logs_follow_shows_lines_as_they_come(running: RunningEnvironment) -> None:
    following = running.runner.begin("logs", "-f", "worker")
    try:
        assert following.stdout is not None
        assert following.stdout.readline().partition("|")[0].split()[1:] == ["worker.1"]
        assert following.poll() is None
    finally:
        following.send_signal(signal.SIGINT)
        assert following.wait(10) == 130


def test_interrupted_up_with_a_run_says_what_goes_on(running: RunningEnvironment) -> None:
    with running.runner.begin("up", "--run", "other_queue") as process:
        assert process.stderr is not None
        while "was triggered" not in (line := process.stderr.readline()):
            assert line, "it ended"
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130
    assert "the environment stays up, and the run of other_queue goes on" in said
    assert running.run("status").exit_code == 0


def test_down_is_quick_and_can_be_said_twice(running: RunningEnvironment) -> None:
    processes = running.processes()
    assert running.run("down").exit_code == 0
    assert alive(processes) == []
    again = running.run("down")
    assert (again.exit_code, again.stderr.strip()) == (0, "nothing is running here")


def test_status_of_a_stopped_environment_says_so(running: RunningEnvironment) -> None:
    outcome = running.run("status")
    assert outcome.exit_code == 1
    assert "nothing is running here" in outcome.stderr
