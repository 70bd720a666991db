"""What holds in a running environment of containers: all that holds in one of processes, by the very same tests.

Only what those tests ask of processes themselves is asked of containers here.
"""

from __future__ import annotations

import json
import os
import socket
import stat
from typing import Any

import pytest

from tests.docker_environments import ONE_TIME_SERVICES, DockerEnvironment, containers_of, docker
from tests.environments import LATEST
from tests.exactness import differences, listing_of
from tests.integration.test_environment import (
    is_private,
    other_addresses,
    probe,
    probes,
    secrets_of,
    test_broker_message_stays_hidden_for_as_long_as_on_mwaa,
    test_every_component_is_ready,
    test_logs_command_shows_every_component,
    test_logs_of_what_users_run_are_private,
    test_mwaa_paths_do_not_appear_on_this_system,
    test_no_secret_is_in_a_log,
    test_no_secret_is_shown,
    test_nothing_waits_longer_than_it_should,
    test_options_of_the_worker_are_what_a_task_sees,
    test_page_of_another_site_triggers_no_dag,
    test_sample_dag_succeeded_through_the_worker,
    test_task_finds_account_region_and_environment_in_its_log_group,
    test_task_for_another_queue_fails,
    test_task_gets_no_aws_credentials,
    test_task_knows_folders_by_the_airflow_home_alone,
    test_task_sees_mwaa_paths,
    test_task_sees_option_and_startup_variable,
    test_task_sees_the_variables_of_mwaa,
    test_up_says_address_login_and_next_command,
    test_web_page_lists_the_sample_dag,
    test_web_page_that_leads_its_own_name_here_learns_nothing,
    test_web_server_answers_to_the_names_of_this_machine,
    test_web_server_is_not_reachable_from_outside,
)

__all__ = [
    "probe",
    "probes",
    "test_broker_message_stays_hidden_for_as_long_as_on_mwaa",
    "test_every_component_is_ready",
    "test_logs_command_shows_every_component",
    "test_logs_of_what_users_run_are_private",
    "test_mwaa_paths_do_not_appear_on_this_system",
    "test_no_secret_is_in_a_log",
    "test_no_secret_is_shown",
    "test_nothing_waits_longer_than_it_should",
    "test_options_of_the_worker_are_what_a_task_sees",
    "test_page_of_another_site_triggers_no_dag",
    "test_sample_dag_succeeded_through_the_worker",
    "test_task_finds_account_region_and_environment_in_its_log_group",
    "test_task_for_another_queue_fails",
    "test_task_gets_no_aws_credentials",
    "test_task_knows_folders_by_the_airflow_home_alone",
    "test_task_sees_mwaa_paths",
    "test_task_sees_option_and_startup_variable",
    "test_task_sees_the_variables_of_mwaa",
    "test_up_says_address_login_and_next_command",
    "test_web_page_lists_the_sample_dag",
    "test_web_page_that_leads_its_own_name_here_learns_nothing",
    "test_web_server_answers_to_the_names_of_this_machine",
    "test_web_server_is_not_reachable_from_outside",
]

pytestmark = [pytest.mark.docker, pytest.mark.network]

LOCAL_ADDRESS = "127.0.0.1"
STATUS_KEYS = {"running", "healthy", "airflow_version", "url", "components", "figures", "import_errors", "remarks"}
STATUS_KEYS |= {"service", "authority", "last_sync"}  # of the MWAA API, of an https address, of a bucket
COMPONENT_KEYS = {"name", "state", "pid", "exit_code", "restarts", "since", "detail", "cause"}
HEARTBEAT_COMPONENTS = {"scheduler", "dag-processor", "triggerer"}
# Says which libraries the loader finds damaged. One that misses another library or a symbol here is none of those.
LOAD_EVERY_LIBRARY = """
import ctypes, pathlib, re
found = pathlib.Path("/opt/mwaa/base/lib").rglob("*.so*")
paths = [path for path in found if path.is_file() and re.search(r"[.]so([.][0-9]+)*$", path.name)]
assert len(paths) > 50, paths
for path in paths:
    try:
        ctypes.CDLL(str(path))
    except OSError as error:
        if "cannot open shared object file" not in str(error) and "undefined symbol" not in str(error):
            print(error)
"""


@pytest.fixture(scope="module")
def environment(docker_environment: DockerEnvironment) -> DockerEnvironment:
    """What the tests of the other runtime ask for."""
    return docker_environment


def test_up_says_which_runtime_it_took_and_why(environment: DockerEnvironment) -> None:
    first = environment.started.stderr.splitlines()[0]
    assert first.split()[:2] == ["runtime", "done"], first
    assert "Docker (Docker " in first, first
    assert "answers)" in first, first


def test_status_has_the_shape_that_it_has_with_processes(environment: DockerEnvironment) -> None:
    status = environment.status()
    assert status.keys() == STATUS_KEYS
    assert {frozenset(item) for item in status["components"]} == {frozenset(COMPONENT_KEYS)}
    assert all(item["pid"] > 0 and item["since"] > 0 for item in status["components"])
    figures = status["figures"]
    assert set(figures["heartbeat_ages_s"]) == HEARTBEAT_COMPONENTS
    assert figures["silent"] == {}
    assert not [remark for remark in status["remarks"] if remark["severity"] != "note"]


def test_second_up_touches_no_container(environment: DockerEnvironment) -> None:
    before = environment.lives()
    outcome = environment.run("up", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    assert environment.lives() == before
    plain = json.loads(outcome.stdout)
    assert (plain["runtime"], plain["url"], plain["airflow_version"]) == ("docker", environment.url(), LATEST)


def test_what_had_to_be_done_once_ended_well(environment: DockerEnvironment) -> None:
    states = dict(line.split() for line in containers_of(environment.project))
    assert {states.get(name, "exited") for name in ONE_TIME_SERVICES} == {"exited"}
    assert {state for name, state in states.items() if name not in ONE_TIME_SERVICES} == {"running"}


def test_every_library_of_the_image_can_be_loaded(environment: DockerEnvironment) -> None:
    """Making the image smaller must not cost one."""
    assert environment.execute("worker.1", "python", "-c", LOAD_EVERY_LIBRARY) == ""


def test_packages_of_the_image_are_exactly_those_of_the_release(environment: DockerEnvironment) -> None:
    worker = environment.containers()["worker.1"].id
    assert differences(environment.release, listing_of(["docker", "exec", worker, "python"])) == []


def test_ports_are_published_on_this_machine_only(environment: DockerEnvironment) -> None:
    published = {
        (name, item["HostIp"], int(item["HostPort"]))
        for name, plain in environment.inspect().items()
        for items in plain["NetworkSettings"]["Ports"].values()
        for item in items or []
    }
    assert published == {(name, LOCAL_ADDRESS, port) for name, port in environment.plan().ports.items()}
    for _, _, port in published:
        with socket.create_connection((LOCAL_ADDRESS, port), timeout=5):
            pass
        for address in other_addresses():
            with socket.socket() as client:
                client.settimeout(2)
                assert client.connect_ex((address, port)) != 0, (address, port)


def test_files_of_tasks_belong_to_the_user(environment: DockerEnvironment, probe: dict[str, Any]) -> None:
    assert probe
    task_logs = [path for path in (environment.airflow_home_dir / "logs").rglob("*.log") if path.is_file()]
    assert any("dag_id=probe" in str(path) for path in task_logs)
    paths = [path for path in environment.project.root_dir.rglob("*") if not path.is_symlink()]
    assert {path.stat().st_uid for path in paths} == {os.getuid()}
    assert environment.execute("worker.1", "stat", "-c", "%u", "/usr/local/airflow/probe.json").strip() == str(
        os.getuid()
    )


def test_airflow_command_passes_output_input_and_exit_code_on(environment: DockerEnvironment) -> None:
    good = environment.run("airflow", "config", "get-value", "core", "default_task_retries")
    assert (good.exit_code, good.stdout.split()[-1]) == (0, "1")
    assert environment.run("airflow", "no-such-command").exit_code == 2
    outcome = environment.run("airflow", "dags", "delete", "other_queue", stdin="n\n")
    assert "Cancelled" in outcome.stdout + outcome.stderr


def test_options_show_what_the_startup_script_exported(environment: DockerEnvironment) -> None:
    shown = json.loads(environment.run("options", "--json", "--all", "--component", "scheduler").stdout)
    values = {item["name"]: (item["value"], item["source"]) for item in shown["variables"]}
    assert values["TEAM_NAME"] == ("data platform", "startup-script")


def test_no_secret_is_in_a_command_line_or_a_label(environment: DockerEnvironment) -> None:
    secrets = secrets_of(environment)
    for name, plain in environment.inspect().items():
        said = json.dumps([plain["Config"]["Cmd"], plain["Config"]["Entrypoint"], plain["Config"]["Labels"]])
        lines = environment.execute(name, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        assert not [secret for secret in secrets if secret in said + lines], name


def test_files_that_hold_a_secret_are_private(environment: DockerEnvironment) -> None:
    """Others may read no such file, be it that they may not come near it."""
    secrets = [secret.encode() for secret in secrets_of(environment)]
    state_dir = environment.project.state_dir
    holding = [
        path
        for path in state_dir.rglob("*")
        if path.is_file() and any(secret in path.read_bytes() for secret in secrets)
    ]
    assert state_dir / "docker" / "scheduler.env" in holding
    closed = {folder for folder in state_dir.rglob("*") if folder.is_dir() and is_private(folder)}
    assert [path for path in holding if not is_private(path) and not closed.intersection(path.parents)] == []
    assert stat.S_IMODE((state_dir / "docker").stat().st_mode) == stat.S_IRWXU


def test_no_secret_is_in_the_image(environment: DockerEnvironment) -> None:
    image = environment.inspect()["scheduler"]["Image"]
    told = docker("image", "inspect", image) + docker("history", "--no-trunc", image)
    assert not [secret for secret in secrets_of(environment) if secret in told]
