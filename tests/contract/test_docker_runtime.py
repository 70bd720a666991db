"""What only the Docker runtime has: an engine that can be missing, containers that others can touch, memory limits."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from mwaa_local.errors import ComponentFailed, DockerUnavailable, NotRunning, PortInUse
from mwaa_local.event import ENDED, FAILED, NOT_RUN, READY, RESTARTING, STOPPED, STOPPING
from mwaa_local.project import Project
from mwaa_local.runtime.choice import existing_runtime
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.runtime import ComposeRuntime
from mwaa_local.runtime.compose.state import STATE_NAME, StateFile
from mwaa_local.runtime.compose.stored import PROJECT_LABEL, VOLUME_LABEL
from mwaa_local.runtime.ports import free_port
from mwaa_local.runtime.protocol import Prepared
from tests.container import command_line
from tests.contract.house import House, Open, begin_waiting
from tests.docker import IMAGE, GeneratedRuntime, skip_without_docker
from tests.fakes import (
    READY_LINE,
    AirflowLike,
    DiesAfterStart,
    EndsSlowly,
    NeverReady,
    OneTime,
    Steady,
    program,
    wait_until,
)

pytestmark = pytest.mark.docker
SMALL_MEMORY = {"mem_limit": "64m", "memswap_limit": "64m"}
NOBODY = 65534
TOO_MUCH = "held = bytearray(256 << 20)"  # of four times the limit


@pytest.fixture(autouse=True)
def docker() -> None:
    skip_without_docker()


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    return make_house(GeneratedRuntime)


@pytest.fixture
def engine(clean_env: dict[str, str]) -> Engine:
    return Engine.open(clean_env)


def with_settings(**settings: Mapping[str, Any]) -> Open:
    return lambda project, env: GeneratedRuntime(project, env, settings)


def docker_runtime(house: House) -> ComposeRuntime:
    assert isinstance(house.runtime, ComposeRuntime)
    return house.runtime


def container_ids(house: House) -> dict[str, str]:
    return {item.service: item.id for item in docker_runtime(house).containers()}


@pytest.fixture
def run_docker() -> Iterator[Callable[..., str]]:
    """Run a `docker` command as a stranger would; the containers and volumes that it makes are removed in the end."""
    made: list[list[str]] = []

    def run(*words: str) -> str:
        output = subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout.strip()
        if words[0] == "run":
            made.append(["rm", "--force", "--volumes", output])
        if words[:2] == ("volume", "create"):
            made.append(["volume", "rm", "--force", output])
        return output

    yield run
    for words in made:
        subprocess.run(["docker", *words], check=True, capture_output=True)


# Containers that fail.


def test_component_killed_for_memory_is_named_as_such(make_house: Callable[..., House]) -> None:
    house = make_house(with_settings(greedy=SMALL_MEMORY))
    with pytest.raises(ComponentFailed) as caught:
        house.up(program("greedy", f"say('growing'); {TOO_MUCH}; rest()", restart=False), Steady())
    assert "greedy failed: signal SIGKILL, killed for lack of memory (limit 64 MiB)" in caught.value.what
    assert "  | growing" in caught.value.why
    assert house.status()["greedy"].exit_code == -9
    assert house.status()["steady"].state == READY


def test_component_that_is_killed_for_memory_again_and_again_is_given_up(make_house: Callable[..., House]) -> None:
    house = make_house(with_settings(greedy=SMALL_MEMORY))
    with pytest.raises(ComponentFailed, match="killed for lack of memory"):
        house.up(program("greedy", f"{TOO_MUCH}; rest()"))
    status = house.status()["greedy"]
    assert (status.state, status.restarts, status.pid) == (FAILED, 2, None)


def test_status_says_that_a_component_was_killed_for_memory_before_it_was_started_again(
    make_house: Callable[..., House],
) -> None:
    house = make_house(with_settings(greedy=SMALL_MEMORY))
    trigger = house.project.root_dir / "grow"
    code = f"""
say({READY_LINE!r})
while not os.path.exists({str(trigger)!r}):
    time.sleep(0.02)
os.unlink({str(trigger)!r})
{TOO_MUCH}
"""
    house.up(program("greedy", code))
    trigger.touch()
    status = house.wait_for("greedy", lambda s: s.state == READY and s.restarts == 1, "to be ready again")
    assert "killed for lack of memory" in status.detail


def test_component_that_keeps_dying_after_the_start_is_seen_with_its_exit_code(house: House) -> None:
    flag = house.project.root_dir / "broken"
    code = f"os.path.exists({str(flag)!r}) and sys.exit(5); say({READY_LINE!r}); rest()"
    house.up(program("fragile", code))
    flag.touch()
    os.kill(house.pid("fragile"), 9)
    status = house.wait_for("fragile", lambda s: s.state == RESTARTING and s.restarts > 2, "to be restarted")
    assert (status.exit_code, status.detail) == (5, "exit code 5")
    assert status.cause == ENDED
    with pytest.raises(ComponentFailed, match="fragile failed: exit code 5"):
        house.up(program("fragile", code))


def test_engine_that_cannot_run_the_program_says_why(make_house: Callable[..., House]) -> None:
    house = make_house(with_settings(missing={"init": False}))
    with pytest.raises(ComponentFailed) as caught:
        house.up(replace(Steady("missing"), argv=("/no/such/program",)), Steady())
    assert "/no/such/program" in caught.value.what
    assert "no such file" in caught.value.what
    assert house.status()["missing"].state == FAILED
    assert house.status()["missing"].cause == NOT_RUN
    assert house.status()["steady"].state == READY


def test_two_components_that_cannot_be_started_hinder_no_third(make_house: Callable[..., House]) -> None:
    house = make_house(with_settings(one={"init": False}, two={"init": False}))
    missing = [replace(Steady(name), argv=("/no/such/program",)) for name in ("one", "two")]
    with pytest.raises(ComponentFailed, match="one failed"):
        house.up(*missing, Steady())
    assert {name: item.state for name, item in house.status().items()} == {
        "one": FAILED,
        "two": FAILED,
        "steady": READY,
    }


def test_failing_health_check_is_shown(make_house: Callable[..., House]) -> None:
    check = {"test": ["CMD", "/bin/false"], "interval": "200ms", "retries": 1}
    house = make_house(with_settings(steady={"healthcheck": check}))
    house.up(Steady())
    status = house.wait_for("steady", lambda s: bool(s.detail), "to be unhealthy")
    assert (status.state, status.detail) == (READY, "its health check fails")


# Ports.


def test_port_that_another_container_publishes_is_in_use_and_names_it(
    make_house: Callable[..., House], run_docker: Callable[..., str]
) -> None:
    port, name = free_port(), f"mwaa-local-test-{uuid4().hex}"
    run_docker("run", "--detach", "--name", name, "--publish", f"127.0.0.1:{port}:80", IMAGE, "sleep", "600")
    published = {"network_mode": "bridge", "ports": [f"127.0.0.1:{port}:80"]}
    house = make_house(with_settings(steady=published))
    with pytest.raises(PortInUse) as caught:
        house.up(Steady())
    assert caught.value.what == f"port {port} is already in use"
    assert f"the container {name} holds it" in caught.value.why


def test_own_published_ports_are_known_without_any_state(make_house: Callable[..., House]) -> None:
    port = free_port()
    house = make_house(with_settings(steady={"network_mode": "bridge", "ports": [f"127.0.0.1:{port}:80"]}))
    house.up(Steady(), ports={"door": port})
    steady = house.pid("steady")
    (house.project.run_dir / STATE_NAME).unlink()
    house.up(Steady(), ports={"door": port})
    assert house.pid("steady") == steady


# Containers that others touched.


def test_container_that_was_removed_is_made_again_and_others_go_on(house: House) -> None:
    house.up(Steady("kept"), Steady("removed"))
    kept = house.pid("kept")
    subprocess.run(["docker", "rm", "--force", container_ids(house)["removed"]], check=True, capture_output=True)
    assert house.status()["removed"].state == STOPPED
    assert house.up(Steady("kept"), Steady("removed"))["removed"].state == READY
    assert house.pid("kept") == kept


def test_container_that_was_stopped_is_started_again(house: House) -> None:
    house.up(OneTime(), Steady())
    before = container_ids(house)
    subprocess.run(["docker", "stop", "--time", "0", before["steady"]], check=True, capture_output=True)
    assert house.status()["steady"].state == FAILED
    assert house.up(OneTime(), Steady())["steady"].state == READY
    assert container_ids(house) == before
    assert house.texts("one-time") == ["done"]


def test_paused_container_is_named(house: House) -> None:
    house.up(Steady())
    steady = container_ids(house)["steady"]
    subprocess.run(["docker", "pause", steady], check=True, capture_output=True)
    try:
        assert "paused" in house.status()["steady"].detail
    finally:
        subprocess.run(["docker", "unpause", steady], check=True, capture_output=True)


def test_stop_goes_by_labels_when_files_and_state_are_gone(house: House) -> None:
    house.up(Steady(), OneTime(depends_on=("steady",)))
    shutil.rmtree(house.project.state_dir)
    assert house.runtime.stop()
    assert container_ids(house) == {}
    assert house.no_process_is_left()


def test_nothing_of_other_projects_is_touched(
    house: House, make_house: Callable[..., House], run_docker: Callable[..., str], engine: Engine
) -> None:
    neighbour = make_house(GeneratedRuntime, "project-two")
    neighbour.up(Steady())
    steady = neighbour.pid("steady")
    name = docker_runtime(house).project.name
    volume = run_docker("volume", "create", "--label", f"{PROJECT_LABEL}=other", "--label", f"{VOLUME_LABEL}=database")
    stranger = run_docker("run", "--detach", "--label", f"{PROJECT_LABEL}={name}-other", IMAGE, "sleep", "600")
    house.up(Steady())
    docker_runtime(house).stop(now=True)
    docker_runtime(house).remove_data()
    assert neighbour.pid("steady") == steady
    found = engine.container(stranger)
    assert found is not None
    assert found.is_up
    assert volume in engine.volumes("other")


# Replicas.


def test_replicas_are_components_of_their_own(make_house: Callable[..., House]) -> None:
    house = make_house(lambda project, env: GeneratedRuntime(project, env, replicated=("worker",)))
    statuses = house.up(Steady("worker.1"), Steady("worker.2"), Steady())
    assert {name: item.state for name, item in statuses.items()} == {
        "worker.1": READY,
        "worker.2": READY,
        "steady": READY,
    }
    first, second = house.pid("worker.1"), house.pid("worker.2")
    assert READY_LINE in house.texts("worker.2")
    house.up(Steady("worker.1"), Steady())
    assert house.pid("worker.1") == first
    assert second not in house.processes()


@pytest.mark.parametrize("left", [1, 2])
def test_fewer_and_changed_replicas_are_those_with_the_lowest_numbers(
    make_house: Callable[..., House], left: int
) -> None:
    """Of several that must all be made anew, Compose 2.26 keeps any, as the engine happens to list them."""
    house = make_house(lambda project, env: GeneratedRuntime(project, env, replicated=("worker",)))
    house.up(*(Steady(f"worker.{number}", say="old") for number in range(1, 5)))
    statuses = house.up(*(Steady(f"worker.{number}", say="new") for number in range(1, left + 1)))
    assert {name: item.state for name, item in statuses.items()} == {
        f"worker.{number}": READY for number in range(1, left + 1)
    }
    assert sorted(item.number for item in docker_runtime(house).containers()) == list(range(1, left + 1))


def test_replica_with_a_number_beyond_the_plan_is_the_one_that_is_missing(make_house: Callable[..., House]) -> None:
    """As by `docker rm` of the first: Compose does not number the next one from 1 again."""
    house = make_house(lambda project, env: GeneratedRuntime(project, env, replicated=("worker",)))
    house.up(Steady("worker.1"), Steady("worker.2"))
    second = house.pid("worker.2")
    first = next(item.id for item in docker_runtime(house).containers() if item.number == 1)
    subprocess.run(["docker", "rm", "--force", first], check=True, capture_output=True)
    statuses = house.up(Steady("worker.1"))
    assert {name: item.state for name, item in statuses.items()} == {"worker.1": READY}
    assert house.pid("worker.1") == second


def test_container_of_an_older_versions_worker_is_the_first_worker(make_house: Callable[..., House]) -> None:
    """The single worker had no number in plans of older versions; its container always had one."""
    house = make_house(lambda project, env: GeneratedRuntime(project, env, replicated=("worker",)))
    house.up(Steady("worker"))
    first = house.pid("worker")
    house.up(Steady("worker.1"), Steady("worker.2"))
    assert house.pid("worker.1") == first
    assert house.runtime.stop()


# Logs.


def test_logs_outlive_the_containers_they_come_from(house: House) -> None:
    house.up(EndsSlowly("worker", takes_s=0.1))
    assert house.texts("worker") == [READY_LINE]
    house.up(EndsSlowly("worker", takes_s=0.2))
    both_lives = [READY_LINE, "ended in order", READY_LINE]
    assert house.texts("worker") == both_lives
    assert house.texts("worker") == both_lives
    assert [state for state in house.states_of("worker") if state in (STOPPING, STOPPED)] == [STOPPING, STOPPED]
    house.runtime.stop()
    assert house.texts("worker") == [*both_lives, "ended in order"]


def test_log_that_could_not_be_written_is_written_when_there_is_room(house: House) -> None:
    path = house.project.logs_dir / "steady.log"
    path.parent.mkdir(parents=True)
    path.symlink_to("/dev/full")
    house.up(Steady(say="first"))
    path.unlink()
    assert house.texts("steady") == ["first", READY_LINE]


def test_many_new_lines_are_found_behind_those_already_taken(house: House) -> None:
    trigger = house.project.root_dir / "go"
    code = f"""
say({READY_LINE!r})
while not os.path.exists({str(trigger)!r}):
    time.sleep(0.02)
for number in range(20_000):
    print(number, file=sys.stderr if number % 2 else sys.stdout)
say('done'); rest()
"""
    house.up(program("talker", code))
    assert house.texts("talker") == [READY_LINE]
    trigger.touch()
    wait_until(lambda: "done" in house.texts("talker"), "the last line")
    numbers = [int(text) for text in house.texts("talker") if text.isdecimal()]
    assert sorted(numbers) == list(range(20_000))
    assert [number for number in numbers if number % 2] == list(range(1, 20_000, 2))


# Commands.


def test_command_in_a_container_that_is_not_up(house: House) -> None:
    trigger = house.project.root_dir / "die"
    scheduler = replace(DiesAfterStart("scheduler", trigger, restart=False), airflow_argv=("serve",))
    house.up(scheduler)
    trigger.touch()
    house.wait_for("scheduler", lambda s: s.state == FAILED, "to be seen dead")
    with pytest.raises(NotRunning, match="scheduler is not running"):
        house.runtime.run("scheduler", ["say", "0"])


def test_command_whose_environment_is_stopped_says_so(house: House) -> None:
    house.up(AirflowLike())
    stopping = threading.Timer(1.0, house.runtime.stop, kwargs={"now": True})
    stopping.start()
    with pytest.raises(NotRunning, match="stopped while the command ran"):
        house.runtime.run("scheduler", ["wait"])
    stopping.join()


def test_command_that_is_killed_alone_has_its_exit_code(house: House, clean_env: dict[str, str]) -> None:
    house.up(AirflowLike())
    before = set(house.processes())
    with begin_waiting(house, clean_env) as client:
        (command,) = (pid for pid in set(house.processes()) - before if "wait" in command_line(pid))
        os.kill(command, 9)
    assert client.returncode == 137


def test_variables_of_a_command_are_its_own(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    house.up(AirflowLike())
    assert house.runtime.run("scheduler", ["say", "3", "word"], {"GREETING": "a $value with 'quotes'"}) == 3
    out, err = capfd.readouterr()
    assert (out, err) == ("word\n", "a $value with 'quotes'\n")


# An engine that is not as it should be.


def test_no_docker_command(tmp_path: Path) -> None:
    with pytest.raises(DockerUnavailable, match="no Docker on this machine") as caught:
        Engine.open({"PATH": str(tmp_path)})
    assert not caught.value.is_worth_a_look


@pytest.mark.parametrize("is_there", [True, False], ids=["dead socket", "no socket"])
def test_engine_that_does_not_run(tmp_path: Path, clean_env: dict[str, str], is_there: bool) -> None:
    path = tmp_path / "docker.sock"
    if is_there:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    with pytest.raises(DockerUnavailable, match="the Docker engine is not running") as caught:
        Engine.open({**clean_env, "DOCKER_HOST": f"unix://{path}"})
    assert str(path) in caught.value.why
    assert "--runtime process" in caught.value.hint


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_user_without_permission(tmp_path: Path, clean_env: dict[str, str]) -> None:
    path = tmp_path / "docker.sock"
    code = f"""
import os
import docker
from mwaa_local.errors import DockerUnavailable
from mwaa_local.runtime.compose.engine import Engine
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
try:
    Engine.open(dict(os.environ))
except DockerUnavailable as error:
    print(error.what, "|", error.hint, "|", error.is_worth_a_look)
"""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen()
        env = {**clean_env, "DOCKER_HOST": f"unix://{path}"}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("this user may not use the Docker engine | add the user to the group docker")
    assert done.stdout.endswith("| True\n")


def commands(folder: Path, **scripts: str) -> str:
    """Return a PATH on which there is `docker` without Compose, and these scripts."""
    folder.mkdir()
    real = shutil.which("docker")
    docker = f'''[ "$1" != compose ] || {{ echo "docker: 'compose' is not a docker command." >&2; exit 1; }}
exec {real} "$@"'''
    for name, script in {"docker": docker, **scripts}.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return str(folder)


def test_compose_is_missing(tmp_path: Path, clean_env: dict[str, str]) -> None:
    with pytest.raises(DockerUnavailable, match="Docker Compose is missing") as caught:
        Engine.open({**clean_env, "PATH": commands(tmp_path / "bin")})
    assert "Compose plugin" in caught.value.hint
    assert caught.value.is_worth_a_look


def test_compose_of_version_one_only(tmp_path: Path, clean_env: dict[str, str]) -> None:
    path = commands(tmp_path / "bin", docker_compose="echo 1.29.2")
    with pytest.raises(DockerUnavailable, match=r"Docker Compose 1\.29\.2 is too old"):
        Engine.open({**clean_env, "PATH": path})


def test_compose_as_a_command_of_its_own(
    tmp_path: Path, clean_env: dict[str, str], make_house: Callable[..., House]
) -> None:
    path = commands(tmp_path / "bin", docker_compose=f'exec {shutil.which("docker")} compose "$@"')
    house = make_house(lambda project, env: GeneratedRuntime(project, {**env, "PATH": f"{path}:/usr/bin:/bin"}))
    assert house.up(Steady())["steady"].state == READY
    assert house.runtime.stop()


def test_compose_file_that_is_wrong(make_house: Callable[..., House]) -> None:
    house = make_house(with_settings(steady={"no_such_setting": 1}))
    with pytest.raises(DockerUnavailable, match="`docker compose` failed") as caught:
        house.up(Steady())
    assert "no_such_setting" in caught.value.why
    assert house.status() == {}


class Relay:
    """Passes every connection on to the engine, until it is closed: an engine that can be taken away."""

    def __init__(self, path: Path, target: str) -> None:
        self._target = target
        self._sockets: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._path = path
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._target)
                self._sockets += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._path.unlink()
        for item in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)


def test_engine_that_goes_away_is_no_bug(tmp_path: Path, make_house: Callable[..., House]) -> None:
    target = "/var/run/docker.sock"
    if not Path(target).exists():
        pytest.skip(f"the engine does not listen at {target}")
    relay = Relay(tmp_path / "relay.sock", target)
    host = f"unix://{tmp_path}/relay.sock"
    house = make_house(GeneratedRuntime)
    house.up(Steady())
    far = GeneratedRuntime(house.project, {**os.environ, "DOCKER_HOST": host})
    assert [item.state for item in far.status()] == [READY]
    plan = house.plan(Steady(), NeverReady(timeout_s=300))
    outcome: list[Exception] = []

    def start() -> None:
        try:
            far.start(Prepared(plan), house.events.append)
        except DockerUnavailable as error:
            outcome.append(error)

    starting = threading.Thread(target=start)
    starting.start()
    wait_until(lambda: "starting" in house.states_of("never-ready"), "the start to be under way")
    relay.close()
    starting.join()
    assert [type(error) for error in outcome] == [DockerUnavailable]
    for question in (far.status, lambda: far.running, far.stop):
        with pytest.raises(DockerUnavailable):
            question()
    assert [line.text for line in far.logs(["steady"], follow=False)] == ["", READY_LINE]
    assert house.pid("steady") in house.processes()


# What Docker's memory of the caller must not change.


def test_shell_of_the_caller_does_not_change_the_compose_file(make_house: Callable[..., House]) -> None:
    foreign = {"COMPOSE_PROJECT_NAME": "foreign", "COMPOSE_FILE": "/no/such/file", "COMPOSE_PROFILES": "x"}
    house = make_house(lambda project, env: GeneratedRuntime(project, {**env, **foreign}))
    assert house.up(Steady())["steady"].state == READY
    assert house.runtime.stop()
    assert not docker_runtime(house).containers()


def test_memory_of_a_container(house: House) -> None:
    house.up(program("holder", f"held = b'x' * (32 << 20); say({READY_LINE!r}); rest()"))
    (container,) = docker_runtime(house).containers()
    assert 32 << 20 <= docker_runtime(house).engine.memory_bytes(container.id) < 128 << 20


def test_volumes_are_removed_by_their_name_in_the_compose_file(house: House, run_docker: Callable[..., str]) -> None:
    runtime = docker_runtime(house)
    project = f"{PROJECT_LABEL}={runtime.own.compose.name}"

    def create(name: str, *full_name: str) -> str:
        return run_docker("volume", "create", "--label", project, "--label", f"{VOLUME_LABEL}={name}", *full_name)

    database = create("database", runtime.own.database_volume("3.3.1"))
    other = create("database", runtime.own.database_volume("2.10.3"))
    queue, old, new = create("queue"), create("packages"), create("packages")
    runtime.own.remove_unused_volumes("packages", keep=new)
    assert runtime.engine.volumes(runtime.own.compose.name).keys() == {database, other, queue, new}
    runtime.remove_database("3.3.1")
    assert runtime.engine.volumes(runtime.own.compose.name).keys() == {other, new}
    runtime.remove_data()
    assert runtime.engine.volumes(runtime.own.compose.name) == {}
    assert old


def test_packages_in_use_are_those_of_containers_that_are_up(house: House) -> None:
    keys = {"a": "first", "b": "second"}
    house.up(*(Steady(name, env={"MWAA_LOCAL_PACKAGES": key}) for name, key in keys.items()), Steady("c"))
    runtime = docker_runtime(house)
    assert runtime.own.packages_in_use() == {"first", "second", ""}
    stopped = next(item for item in runtime.containers() if item.service == "b")
    runtime.engine.stop([stopped.id], now=True)
    assert runtime.own.packages_in_use() == {"first", ""}


def test_existing_environment_is_found_by_the_next_command(house: House, clean_env: dict[str, str]) -> None:
    house.up(Steady())
    again = existing_runtime(Project(house.project.root_dir), clean_env)
    assert isinstance(again, ComposeRuntime)
    assert again.running
    assert [item.name for item in again.status()] == ["steady"]
    assert again.stop()
    assert not again.running
    assert not StateFile(house.project.run_dir).exists


def test_service_that_is_run_once(house: House) -> None:
    house.up(OneTime(), Steady())
    runtime = docker_runtime(house)
    runtime.own.run_once("one-time", 60)
    assert house.texts("one-time") == ["done", "done"]
