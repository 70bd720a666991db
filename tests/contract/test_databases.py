"""What every runtime does with the metadata databases of a project, each release's on a real server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from mwaa_local.database.revision import revision
from mwaa_local.errors import ComponentFailed, DatabaseExists, DatabaseInUse, DatabaseMissing, DiskFull
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.compose.containers import compose_name
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.runtime import ComposeRuntime
from mwaa_local.runtime.migrating import run_commands
from mwaa_local.runtime.process.runtime import ProcessRuntime
from mwaa_local.secrets import load_secrets
from mwaa_local.upgrade.carrying_out.repairs import DEFERRED_PROGRAM
from tests.conftest import make_clean_env
from tests.contract.databases import KEPT_ROW, DatabaseHouse, execute, rows, variables
from tests.contract.house import House
from tests.docker import GeneratedRuntime, skip_without_docker
from tests.docker_environments import docker
from tests.environments import LATEST
from tests.fakes import Steady

OLDER, NEWER = "2.10.1", "2.11.2"  # between which the schema changes
COPY = "9.9.9-copy"
HOLDS_IT_OPEN = """
with databases.opened("{version}") as url:
    print(url, flush=True)
    time.sleep(600)
"""
# A part has been copied then.
DIES_WHILE_COPYING = {
    ProcessRuntime: "from mwaa_local.runtime.process import servers as room; name = 'give_to_server'",
    ComposeRuntime: "from mwaa_local.runtime.compose import task as room; name = 'Output'",
}
DIES = """
import signal
setattr(room, name, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
databases.copy("{version}", "{to_version}")
"""
# Sets a variable to a value, both of which are its words.
SETS_VARIABLE = """
import sys
from airflow.models import Variable
Variable.set(sys.argv[1], sys.argv[2])
"""
DEFERRED_ROW = """
INSERT INTO trigger (classpath, kwargs, created_date) VALUES ('a.Trigger', '{"moment": 7}', now())
"""
PART_OF_ONE = "20m"
SMALL_DISK = "90m"  # room for one database and a part of another


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseHouse]:
    """A project with one database, which tests leave as it is."""
    yield from made_house(tmp_path_factory.mktemp("process"), ProcessRuntime, OLDER)


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseHouse]:
    """The same in Docker, of the release whose image other tests need as well."""
    skip_without_docker()
    yield from made_house(tmp_path_factory.mktemp("docker"), ComposeRuntime, LATEST)


@pytest.fixture(scope="module", params=["processes", pytest.param("containers", marks=pytest.mark.docker)])
def house(request: pytest.FixtureRequest) -> DatabaseHouse:
    """Either of them."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, DatabaseHouse)
    return found


def made_house(
    folder: Path, kind: type[ProcessRuntime] | type[ComposeRuntime], version: str
) -> Iterator[DatabaseHouse]:
    project = Project(folder / "project")
    project.dags_dir.mkdir(parents=True)
    made = DatabaseHouse(project, make_clean_env(folder), kind, version)
    try:
        made.create()
        yield made
    finally:
        made.runtime.remove_data()


@pytest.fixture
def copy(house: DatabaseHouse) -> Iterator[str]:
    """A copy that the test may change."""
    house.databases.copy(house.version, COPY)
    yield COPY
    house.databases.remove(COPY)


@pytest.fixture
def process_copy(processes: DatabaseHouse) -> Iterator[str]:
    processes.databases.copy(OLDER, COPY)
    yield COPY
    processes.databases.remove(COPY)


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_new_one_has_the_schema_of_its_release_and_what_its_migration_puts_in(house: DatabaseHouse) -> None:
    assert house.databases.versions() == (house.version,)
    with house.databases.opened(house.version) as url:
        assert revision(url) == Release.load(house.version).database_revision
        assert rows(url, "SELECT pool FROM slot_pool") == [("default_pool",)]
        assert rows(url, "SELECT count(*) FROM dag_run") == [(0,)]


def test_an_open_one_is_safe_from_power_cuts_and_its_user_may_do_everything(house: DatabaseHouse) -> None:
    with house.databases.opened(house.version) as url:
        assert urlsplit(url).scheme == "postgresql"
        assert urlsplit(url).hostname == "127.0.0.1"
        assert rows(url, "SHOW fsync") == [("on",)]
        assert rows(url, "SELECT usesuper FROM pg_user WHERE usename = current_user") == [(True,)]
        with house.databases.opened(house.version) as again:
            assert again == url
        assert variables(url) == [KEPT_ROW]
    assert not listens(port_of(url))


def test_a_copy_has_the_rows_and_goes_its_own_way(house: DatabaseHouse, copy: str) -> None:
    assert house.databases.versions() == (house.version, copy)
    with house.databases.opened(copy) as url:
        assert variables(url) == [KEPT_ROW]
        execute(url, "DELETE FROM variable")
    with house.databases.opened(house.version) as url:
        assert variables(url) == [KEPT_ROW]


def test_nothing_is_written_over_a_database(house: DatabaseHouse, copy: str) -> None:
    with pytest.raises(DatabaseExists, match=copy):
        house.databases.copy(house.version, copy)
    with pytest.raises(DatabaseExists, match=house.version):
        house.databases.create(house.wanted(house.version), house.version, house.events.append)


def test_one_that_is_not_there_is_named_with_those_that_are(house: DatabaseHouse) -> None:
    with pytest.raises(DatabaseMissing) as caught, house.databases.opened("2.9.2"):
        pass
    assert "2.9.2" in caught.value.what
    assert house.version in caught.value.why
    with pytest.raises(DatabaseMissing):
        house.databases.copy("2.9.2", COPY)
    house.databases.remove("2.9.2")


def test_one_is_removed_alone(house: DatabaseHouse) -> None:
    house.databases.copy(house.version, COPY)
    house.databases.remove(COPY)
    assert house.databases.versions() == (house.version,)
    with pytest.raises(DatabaseMissing), house.databases.opened(COPY):
        pass


# Commands of Airflow.


def test_a_newer_release_migrates_a_copy_tells_each_step_and_takes_it_back(
    processes: DatabaseHouse, process_copy: str
) -> None:
    newer = Release.load(NEWER)
    processes.events.clear()
    processes.databases.run(processes.wanted(NEWER), process_copy, [newer.migrate_argv], processes.events.append)
    told = [event.detail for event in processes.events]
    assert any(text.startswith("Running upgrade") and newer.database_revision in text for text in told)
    with processes.databases.opened(process_copy) as url:
        assert revision(url) == newer.database_revision
        assert variables(url) == [KEPT_ROW]
    back = ["db", "downgrade", "--yes", "--to-version", OLDER]
    processes.databases.run(processes.wanted(NEWER), process_copy, [back], processes.events.append)
    assert any("Running downgrade" in event.detail for event in processes.events)
    for version in (process_copy, OLDER):
        with processes.databases.opened(version) as url:
            assert revision(url) == Release.load(OLDER).database_revision
            assert variables(url) == [KEPT_ROW]


def test_commands_encrypt_with_the_key_of_the_project(house: DatabaseHouse, copy: str) -> None:
    from cryptography.fernet import Fernet

    words = ["variables", "set", "secret", "word"]
    house.databases.run(house.wanted(house.version), copy, [words], house.events.append)
    with house.databases.opened(copy) as url:
        ((value,),) = rows(url, "SELECT val FROM variable WHERE key = 'secret' AND is_encrypted")
    key = load_secrets(house.project.state_dir).fernet_key
    assert Fernet(key).decrypt(str(value).encode()) == b"word"


def test_a_program_of_ours_may_import_airflow_and_gets_its_words(
    house: DatabaseHouse, copy: str, tmp_path: Path
) -> None:
    program = tmp_path / "set_variable.py"
    program.write_text(SETS_VARIABLE)
    words = [["first", "1"], ["second", "2"]]
    house.databases.run(house.wanted(house.version), copy, words, house.events.append, script=program)
    assert house.events[-2].detail.startswith("set variable") and house.events[-1].state == "done", house.events
    with house.databases.opened(copy) as url:
        assert rows(url, "SELECT key FROM variable WHERE is_encrypted ORDER BY key") == [("first",), ("second",)]
    with pytest.raises(ComponentFailed) as caught:
        house.databases.run(house.wanted(house.version), copy, [["only one"]], house.events.append, script=program)
    assert f"`set variable only one` of Airflow {house.version} failed: exit code 1" in caught.value.what
    assert "IndexError" in caught.value.why


@pytest.mark.docker
def test_arguments_of_deferred_tasks_get_their_older_form_in_a_container(containers: DatabaseHouse) -> None:
    """The program that a downgrade runs, whose words are none."""
    containers.databases.copy(containers.version, COPY)
    try:
        with containers.databases.opened(COPY) as url:
            execute(url, DEFERRED_ROW)
        wanted = containers.wanted(containers.version)
        containers.databases.run(wanted, COPY, [()], containers.events.append, script=DEFERRED_PROGRAM)
        with containers.databases.opened(COPY) as url:
            ((stored,),) = rows(url, "SELECT kwargs FROM trigger")
        assert json.loads(str(stored)) == {"__type": "dict", "__var": {"moment": 7}}
    finally:
        containers.databases.remove(COPY)


def test_a_command_that_fails_is_told_with_its_last_lines(house: DatabaseHouse, copy: str) -> None:
    with pytest.raises(ComponentFailed) as caught:
        words = ["db", "downgrade", "--yes", "--to-version", "0.1"]
        house.databases.run(house.wanted(house.version), copy, [words], house.events.append)
    assert f"`airflow db downgrade` of Airflow {house.version} failed" in caught.value.what
    assert "0.1" in caught.value.why
    passwords = load_secrets(house.project.state_dir).database_passwords.values()
    assert not any(password in str(caught.value) for password in passwords)


@pytest.mark.parametrize(
    ("words", "revision_of"),
    [(Release.load(NEWER).migrate_argv, NEWER), (["db", "downgrade", "--to-version", "2.8.1"], "2.8.1")],
)
def test_a_migration_that_says_all_is_well_is_not_believed(
    processes: DatabaseHouse, words: Sequence[str], revision_of: str
) -> None:
    def says_so(words: Sequence[str], tell: Callable[[str], None]) -> tuple[int, str]:
        return 0, "ERROR: there are rows\nDone"

    with processes.databases.opened(OLDER) as url, pytest.raises(ComponentFailed) as caught:
        run_commands(Release.load(NEWER), url, [words], says_so, lambda _: None, lambda _: None, "password")
    assert Release.load(OLDER).database_revision in caught.value.what
    assert Release.load(revision_of).database_revision in caught.value.what
    assert "there are rows" in caught.value.why


# What is killed.


def test_what_a_killed_copy_left_is_no_database_and_goes_at_the_next_call(house: DatabaseHouse) -> None:
    killed = house.begin(DIES_WHILE_COPYING[house.kind] + DIES.format(version=house.version, to_version=COPY))
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert house.databases.versions() == (house.version,)
    assert house.unfinished == [COPY]
    with house.databases.opened(house.version):
        assert house.unfinished == []
    house.databases.copy(house.version, COPY)
    with house.databases.opened(COPY) as url:
        assert variables(url) == [KEPT_ROW]
    house.databases.remove(COPY)


def test_the_server_of_a_killed_command_is_ended_and_its_rows_are_there(house: DatabaseHouse, copy: str) -> None:
    with house.begin(HOLDS_IT_OPEN.format(version=copy)) as holder:
        assert holder.stdout is not None
        left = holder.stdout.readline().strip()
        execute(left, "INSERT INTO variable (key, val, is_encrypted) VALUES ('late', 'row', false)")
        with pytest.raises(DatabaseInUse, match="another mwaa-local command"), house.databases.opened(copy):
            pass
        holder.kill()
    assert listens(port_of(left))
    with house.databases.opened(copy) as url:
        assert not listens(port_of(left))
        assert variables(url) == [KEPT_ROW, ("late", "row")]


def test_a_server_that_was_killed_too_reads_what_it_had_written(processes: DatabaseHouse, process_copy: str) -> None:
    data_dir = processes.project.database_dir / process_copy
    with processes.begin(HOLDS_IT_OPEN.format(version=process_copy)) as holder:
        assert holder.stdout is not None
        execute(holder.stdout.readline().strip(), "INSERT INTO variable (key, val) VALUES ('late', 'row')")
        holder.kill()
    server = psutil.Process(int((data_dir / "postmaster.pid").read_text().splitlines()[0]))
    for process in (server, *server.children()):
        process.kill()
    psutil.wait_procs([server], timeout=30)
    processes.databases.copy(process_copy, f"{COPY}2")
    with processes.databases.opened(f"{COPY}2") as url:
        assert rows(url, "SELECT key FROM variable ORDER BY key") == [(KEPT_ROW[0],), ("late",)]
    processes.databases.remove(f"{COPY}2")


def test_tidying_ends_the_server_of_a_killed_command_and_no_other(house: DatabaseHouse, copy: str) -> None:
    with house.begin(HOLDS_IT_OPEN.format(version=copy)) as holder:
        assert holder.stdout is not None
        left = holder.stdout.readline()
        house.databases.tidy()
        assert listens(port_of(left)), "another command has it open"
        holder.kill()
    house.databases.tidy()
    assert not listens(port_of(left))
    assert house.databases.versions() == (house.version, copy)


def test_the_queue_is_removed_alone(house: DatabaseHouse) -> None:
    name, folder = compose_name(house.project), house.project.state_dir / "broker"

    def has_queue() -> bool:
        return folder.exists() or (
            house.kind is ComposeRuntime and f"{name}-queue" in Engine.open(house.env).volumes(name)
        )

    if house.kind is ComposeRuntime:
        Engine.open(house.env).create_volume(f"{name}-queue", name, "queue")
    else:
        folder.mkdir()
    assert has_queue()
    for _ in range(2):
        house.runtime.remove_queue()
        assert not has_queue()
    assert house.databases.versions() == (house.version,)


def test_removing_ends_the_server_of_a_killed_command(house: DatabaseHouse) -> None:
    house.databases.copy(house.version, COPY)
    with house.begin(HOLDS_IT_OPEN.format(version=COPY)) as holder:
        assert holder.stdout is not None
        left = holder.stdout.readline()
        holder.kill()
    house.runtime.remove_database(COPY)
    assert not listens(port_of(left))
    assert house.databases.versions() == (house.version,)


def test_a_start_ends_the_server_of_a_killed_command(house: DatabaseHouse, copy: str) -> None:
    with house.begin(HOLDS_IT_OPEN.format(version=copy)) as holder:
        assert holder.stdout is not None
        left = holder.stdout.readline()
        holder.kill()
    kind = ProcessRuntime if house.kind is ProcessRuntime else GeneratedRuntime
    environment = House(house.project, kind(house.project, house.env), house.env["PATH"])
    try:
        environment.up(Steady())
        assert not listens(port_of(left))
    finally:
        environment.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_in_order(house: DatabaseHouse, copy: str, number: signal.Signals) -> None:
    as_commands_do = "import signal; from mwaa_local import cli; signal.signal(signal.SIGTERM, cli._terminate)"
    with house.begin(as_commands_do + HOLDS_IT_OPEN.format(version=copy)) as holder:
        assert holder.stdout is not None
        port = port_of(holder.stdout.readline())
        holder.send_signal(number)
    assert not listens(port)
    with house.databases.opened(copy) as url:
        assert variables(url) == [KEPT_ROW]


def test_a_full_disk_is_named_and_what_was_written_is_removed(
    processes: DatabaseHouse, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    project = Project(tmp_path / "small")
    project.database_dir.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(project.database_dir)]
    if os.getuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("only root may mount a small disk")
    request.addfinalizer(lambda: subprocess.run(["umount", "-l", str(project.database_dir)], check=False))
    small = DatabaseHouse(project, processes.env, ProcessRuntime, OLDER)
    small.create()
    with pytest.raises(DiskFull, match="cannot write the database"):
        small.databases.copy(OLDER, COPY)
    assert [path.name for path in project.database_dir.iterdir()] == [OLDER]
    with small.databases.opened(OLDER) as url:
        assert variables(url) == [KEPT_ROW]


@pytest.mark.docker
def test_a_full_disk_of_docker_is_named_likewise(containers: DatabaseHouse) -> None:
    name = f"{compose_name(containers.project)}-database-{COPY}"
    small = ("--driver", "local", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", f"o=size={PART_OF_ONE}")
    docker("volume", "create", *small, name)
    with pytest.raises(DiskFull, match="no space left for a copy"):
        containers.databases.copy(containers.version, COPY)
    assert name not in docker("volume", "ls", "--quiet").split()
    assert containers.databases.versions() == (containers.version,)
