"""`up` on a running environment of containers: what changed is applied, once for all. Each test goes on from the last.

The environment is the one that other modules use, each of which brings it back first, whatever failed here.
"""

from __future__ import annotations

import json
import signal

import pytest

from mwaa_local.environment.classes import Size
from tests.docker_environments import DockerEnvironment, add_settings
from tests.environments import wait_until
from tests.integration.test_dags_command import LONG_SOURCE, children_with, interrupt_long
from tests.shared_cases import dags_are_writable_as_asked_for, policies_are_loaded_and_have_no_effect
from tests.wheels import make_wheel

pytestmark = [pytest.mark.docker, pytest.mark.full, pytest.mark.network]

SERVERS = {"postgres", "redis", "door", "metrics"}
AIRFLOW_COMPONENTS = {"scheduler", "dag-processor", "triggerer", "webserver", "worker.1", "worker.2"}
WHEELS = "--no-index\n--find-links /usr/local/airflow/requirements/wheels\n"
PROTECTED = "AIRFLOW_ENV_NAME"
STARTUP_SCRIPT = f"""\
export FROM_THE_SCRIPT="of $MWAA_AIRFLOW_COMPONENT, 'quoted' and \\$plain"
export AIRFLOW__APP__FROM_THE_SCRIPT=yes
export {PROTECTED}=mine
not_exported=1
"""
NANO_CPUS = 10**9
GIB = 1 << 30
NO_LIMIT = (0, 0)
CHANGED_RUN = "run_after_the_changes"
CHANGED_FILES = ("mwaa.yaml", "requirements/requirements.txt", "startup/startup.sh")
# `up` stops and starts every Airflow container, and a machine that does other things takes its time for both.
UP_TIMEOUT_S = 300.0
IDLE_WORKER_TIMEOUT_S = 300.0  # it leaves after 60 s with less to do, and has to end


@pytest.fixture(scope="module")
def running(docker_environment: DockerEnvironment) -> DockerEnvironment:
    make_wheel(docker_environment.root_dir / "requirements" / "wheels", "alpha", "1.0")
    return docker_environment


@pytest.fixture(scope="module")
def changed(running: DockerEnvironment) -> dict[str, tuple[str, float]]:
    """Change requirements, startup script, class and number of workers at once; return the containers before."""
    before = running.lives()
    assert running.imported("worker.1", "alpha") == ""
    running.runner.write(
        {"requirements/requirements.txt": WHEELS + "alpha==1.0\n", "startup/startup.sh": STARTUP_SCRIPT}
    )
    add_settings(running.runner, MinWorkers=2, Local={"EnforceClass": True})
    up(running)
    return before


def up(running: DockerEnvironment) -> str:
    outcome = running.run("up", timeout_s=UP_TIMEOUT_S)
    assert outcome.exit_code == 0, outcome.stderr
    return outcome.stderr


def test_change_replaces_airflow_and_leaves_the_servers_alone(
    running: DockerEnvironment, changed: dict[str, tuple[str, float]]
) -> None:
    after = running.lives()
    assert set(after) == AIRFLOW_COMPONENTS | SERVERS
    assert {name for name in after if after[name] == changed.get(name)} == SERVERS
    status = running.status()
    assert status["healthy"], status


@pytest.mark.usefixtures("changed")
def test_every_component_has_the_new_package(running: DockerEnvironment) -> None:
    assert {name: running.imported(name, "alpha") for name in AIRFLOW_COMPONENTS} == dict.fromkeys(
        AIRFLOW_COMPONENTS, "1.0"
    )


def problems(running: DockerEnvironment) -> list[tuple[str, str]]:
    """Return severity and subject of what `status` has to say, notes left out."""
    remarks = running.status()["remarks"]
    return [(item["severity"], item["subject"]) for item in remarks if item["severity"] != "note"]


@pytest.mark.usefixtures("changed")
def test_requirements_were_installed_once_for_all(running: DockerEnvironment) -> None:
    lines = [json.loads(line) for line in running.run("logs", "--json").stdout.splitlines()]
    installs = [line["component"] for line in lines if "Successfully installed alpha-1.0" in line["text"]]
    assert installs == ["requirements"]
    assert len(packages_volumes(running)) == len(package_sets(running)) == 1


def package_sets(running: DockerEnvironment) -> list[str]:
    return running.execute("webserver", "ls", "/opt/mwaa/packages/sets").split()


def packages_volumes(running: DockerEnvironment) -> list[str]:
    return [name for name in running.volumes() if "-packages-" in name]


@pytest.mark.usefixtures("changed")
def test_task_sees_what_the_startup_script_exported(running: DockerEnvironment) -> None:
    running.trigger("probe", CHANGED_RUN)
    assert running.wait_for_run("probe", CHANGED_RUN) == "success"
    seen = json.loads(running.read("probe.json"))
    assert seen["env"]["FROM_THE_SCRIPT"] == "of worker, 'quoted' and $plain"
    assert seen["options"]["AIRFLOW__APP__FROM_THE_SCRIPT"] == "yes"
    assert "not_exported" not in seen["env"]
    assert seen["env"][PROTECTED] not in ("", "mine")
    assert "not_exported is assigned but not exported" in running.run("status").stderr
    outcome = running.run("airflow", "config", "get-value", "app", "from_the_script")
    assert outcome.stdout.split()[-1] == "yes"


@pytest.mark.usefixtures("changed")
def test_containers_have_what_the_environment_class_has(running: DockerEnvironment) -> None:
    size = Size(vcpus=1, memory_gb=2)  # of every component of mw1.small (MWAA user guide, environment classes)
    wanted = (size.vcpus * NANO_CPUS, size.memory_gb * GIB)
    assert limits(running) == {**dict.fromkeys(AIRFLOW_COMPONENTS, wanted), **dict.fromkeys(SERVERS, NO_LIMIT)}


def limits(running: DockerEnvironment) -> dict[str, tuple[int, int]]:
    """Return what the engine gives each container of CPU time and memory."""
    return {
        name: (plain["HostConfig"]["NanoCpus"], plain["HostConfig"]["Memory"])
        for name, plain in running.inspect().items()
    }


@pytest.mark.usefixtures("changed")
def test_startup_script_that_fails_leaves_the_running_environment_alone(running: DockerEnvironment) -> None:
    before = running.lives()
    running.runner.write({"startup/startup.sh": "set -e\nfalse\n"})
    outcome = running.run("up")
    running.runner.write({"startup/startup.sh": STARTUP_SCRIPT})
    assert outcome.exit_code == 3, outcome.stderr
    assert "startup.sh:2: the startup script failed" in outcome.stderr
    assert "hint: remove `set -e`" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert running.lives() == before
    status = running.status()
    assert status["healthy"], status
    assert running.imported("worker.1", "alpha") == "1.0"


@pytest.mark.usefixtures("changed")
def test_packages_of_the_release_are_not_copied_again(running: DockerEnvironment) -> None:
    """A set is linked to the one copy that the volume holds, and that copy has nothing of the user's."""
    sets = [f"/opt/mwaa/packages/sets/{name}/set" for name in package_sets(running)]
    own_set = running.execute("webserver", "readlink", "/usr/local/airflow/.local").strip()
    assert own_set in sets
    folders = ("/opt/mwaa/packages/base", own_set)
    inodes = running.execute("webserver", "stat", "--format=%i", *(f"{folder}/pyvenv.cfg" for folder in folders))
    assert len(set(inodes.split())) == 1
    assert running.execute("webserver", "find", "/opt/mwaa/packages/base", "-name", "alpha*") == ""


@pytest.mark.usefixtures("changed")
def test_up_after_the_correction_installs_nothing_again(running: DockerEnvironment) -> None:
    before = running.lives()
    stderr = up(running)
    assert running.lives() == before, stderr
    installs = [line for line in running.run("logs", "requirements").stdout.splitlines() if "Successfully" in line]
    assert len(installs) == 1
    assert len(packages_volumes(running)) == 1


@pytest.mark.usefixtures("changed")
def test_failed_requirements_are_reported_loudly_and_airflow_runs(running: DockerEnvironment) -> None:
    """On MWAA nothing tells; here `up` ends with the reason, and `status` keeps saying it."""
    running.runner.write({"requirements/requirements.txt": WHEELS + "alpha==1.0\nno-such-package-at-all==1.0\n"})
    add_settings(running.runner, MinWorkers=1, Local={"EnforceClass": False})
    stderr = up(running)
    assert "error: requirements/requirements.txt was not installed" in stderr
    assert "no-such-package-at-all" in stderr
    status = running.run("status")
    assert "requirements/requirements.txt was not installed" in status.stderr + status.stdout
    assert {item["state"] for item in running.status()["components"]} == {"ready"}
    assert ("error", "requirements") in problems(running)
    assert running.imported("worker.1", "alpha") == ""  # pip installs all or nothing


@pytest.mark.usefixtures("changed")
def test_corrected_requirements_end_the_report(running: DockerEnvironment) -> None:
    running.runner.write({name: running.files[name] for name in CHANGED_FILES})
    up(running)
    assert problems(running) == []
    assert running.imported("worker.1", "alpha") == ""
    # The second is not needed any more, and leaves when it has been idle for long enough (docs/workers.md).
    wait_until(lambda: "worker.2" not in running.lives(), IDLE_WORKER_TIMEOUT_S, "the end of the second worker")
    assert set(running.lives()) == (AIRFLOW_COMPONENTS | SERVERS) - {"worker.2"}
    assert set(limits(running).values()) == {NO_LIMIT}
    assert len(packages_volumes(running)) == len(package_sets(running)) == 1


def test_up_makes_dags_read_only_and_writable_again(running: DockerEnvironment) -> None:
    dags_are_writable_as_asked_for(running)


def test_cluster_policies_have_no_effect(running: DockerEnvironment) -> None:
    policies_are_loaded_and_have_no_effect(running)


def test_signal_ends_a_dag_and_all_it_started(running: DockerEnvironment) -> None:
    """In a container nothing ends with the command: what its tasks left would go on to the next `down`."""
    for number, child_s in ((signal.SIGINT, "600.26"), (signal.SIGTERM, "600.27")):
        running.runner.write({"dags/long.py": LONG_SOURCE % child_s})
        try:
            wait_until(lambda: running.query("SELECT 1 FROM dag WHERE dag_id = 'long'"), 60, "the new DAG")
            code, output = interrupt_long(running.runner, number, child_s)
        finally:
            (running.root_dir / "dags" / "long.py").unlink()
        assert code == 128 + number, output
        assert "tidied up" in output
        assert "followed on" not in output
        assert children_with(child_s) == []
    running.run("airflow", "dags", "delete", "--yes", "long")
