"""`mwaa-local db`: real databases of releases dumped, kept, brought back, moved and migrated."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from mwaa_local.project import Project
from mwaa_local.runtime.compose.runtime import ComposeRuntime
from mwaa_local.secrets import load_secrets
from tests.airflow_output import json_in
from tests.conftest import COMMAND
from tests.contract.databases import execute, rows
from tests.integration.moved import DAG, Moved, new_project, pg_dump, small_disk_on

OLDER, RELEASE, NEWER = "2.10.1", "2.10.3", "2.11.2"
PASSWORD = "geheim"
MANY_ROWS = 300_000  # that take seconds to load


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    """A project with a database of RELEASE that has a connection with a password in it."""
    runner = new_project(tmp_path_factory.mktemp("source"), RELEASE)
    runner.create(RELEASE)
    with runner.databases.opened(RELEASE) as url:
        secret = Fernet(runner.fernet_key).encrypt(PASSWORD.encode()).decode()
        query = "INSERT INTO connection (conn_id, conn_type, password, is_encrypted, is_extra_encrypted)"
        execute(url, f"{query} VALUES ('mydb', 'http', %s, true, false)", secret)
    yield runner
    runner.runtime.remove_data()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Moved]:
    runner = new_project(tmp_path, RELEASE)
    yield runner
    runner.runtime.remove_data()


@pytest.fixture
def dump(source: Moved, tmp_path: Path) -> Path:
    path = tmp_path / "airflow.dump"
    source.run_well("db", "dump", str(path))
    return path


def test_dump_is_private_says_its_secrets_and_is_the_same_each_time(source: Moved, tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    outcome = source.run("db", "dump", str(first))
    assert outcome.exit_code == 0
    assert "connection: password" in outcome.stderr and f"only you can read {first}" in outcome.stderr
    assert PASSWORD not in outcome.stderr + outcome.stdout
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    second.write_text("replaced")
    told = json.loads(source.run_well("db", "dump", str(second), "--force", "--json"))
    assert first.read_bytes() == second.read_bytes()
    assert (told["airflow_version"], told["tables"]["connection"]) == (RELEASE, 1)
    refused = source.run("db", "dump", str(second))
    assert (refused.exit_code, "add --force" in refused.stderr) == (3, True)


def test_dump_comes_into_another_project_under_its_key(source: Moved, other: Moved, dump: Path) -> None:
    told = json.loads(other.run_well("db", "restore", str(dump), "--yes", "--json"))
    assert (told["migrated_by"], told["snapshot_of_before"]) == ([], None)
    assert other.fernet_key != source.fernet_key
    assert other.password(RELEASE) == PASSWORD
    assert other.rows(RELEASE, "SELECT key, val FROM variable") == source.rows(RELEASE, "SELECT key, val FROM variable")


def test_snapshot_is_listed_brought_back_and_forgotten(other: Moved, dump: Path) -> None:
    other.run_well("db", "restore", str(dump), "--yes")
    other.run_well("db", "snapshot", "before")
    sessions = load_secrets(other.root_dir / ".mwaa-local").secret_key
    with other.databases.opened(RELEASE) as url:
        execute(url, "DELETE FROM connection")
    told = json.loads(other.run_well("db", "restore", "before", "--yes", "--json"))
    assert other.password(RELEASE) == PASSWORD
    assert load_secrets(other.root_dir / ".mwaa-local").secret_key != sessions, "web sessions have ended"
    listed = json.loads(other.run_well("db", "list", "--json"))["snapshots"]
    assert [item["name"] for item in listed] == ["before", told["snapshot_of_before"]]
    other.run_well("db", "restore", told["snapshot_of_before"], "--yes")
    assert other.rows(RELEASE, "SELECT count(*) FROM connection") == [(0,)]
    assert other.run("db", "snapshot", "before").exit_code == 3
    assert other.run("db", "forget", "before", stdin="n\n").exit_code == 1
    other.run_well("db", "forget", "before", "--yes")
    missing = other.run("db", "restore", "before", "--yes")
    assert (missing.exit_code, "there is no snapshot before" in missing.stderr) == (3, True)


def test_database_of_another_release_is_removed_alone(other: Moved) -> None:
    other.create(OLDER)
    other.create(RELEASE)
    queue = other.root_dir / ".mwaa-local" / "broker"
    queue.mkdir()
    words = ("reset-db", "--airflow-version", OLDER)
    assert other.run(*words, stdin="n\n").exit_code == 1
    outcome = other.run(*words, "--yes")
    assert (outcome.exit_code, f"database of Airflow {OLDER} is gone" in outcome.stderr) == (0, True), outcome.stderr
    assert (other.databases.versions(), queue.is_dir()) == ((RELEASE,), True)
    assert other.run("reset-db", "--yes").exit_code == 0
    assert (other.databases.versions(), queue.is_dir()) == ((), False)


def test_dump_of_an_older_release_is_migrated_on_the_way(other: Moved, dump: Path) -> None:
    other.write({"mwaa.yaml": f'AirflowVersion: "{OLDER}"\n'})
    refused = other.run("db", "restore", str(dump), "--yes")
    assert (refused.exit_code, f"set AirflowVersion: {RELEASE}" in refused.stderr) == (3, True)
    assert other.databases.versions() == ()
    other.create(OLDER)
    older = other.root_dir / "older.dump"
    other.run_well("db", "dump", str(older))
    other.write({"mwaa.yaml": f'AirflowVersion: "{NEWER}"\n'})
    told = json.loads(other.run_well("db", "restore", str(older), "--yes", "--json"))
    assert (told["from_airflow_version"], told["migrated_by"]) == (OLDER, [NEWER])
    assert other.rows(NEWER, "SELECT key FROM variable") == [("kept",)]
    assert other.databases.versions() == (OLDER, NEWER)


def test_stdin_and_stdout_are_files_too(source: Moved, other: Moved, dump: Path) -> None:
    argv = [*COMMAND, "db", "dump", "-"]
    piped = subprocess.run(argv, cwd=source.root_dir, env=dict(source.env), capture_output=True, check=True).stdout
    assert piped == dump.read_bytes()
    given = subprocess.run(
        [*COMMAND, "db", "restore", "-", "--yes"],
        cwd=other.root_dir,
        env=dict(other.env),
        input=piped,
        capture_output=True,
        check=False,
    )
    assert given.returncode == 0, given.stderr
    assert other.password(RELEASE) == PASSWORD
    assert other.run("db", "restore", "-").exit_code == 2, "nobody can answer"


def test_dump_whose_reader_ends_is_a_failure(source: Moved) -> None:
    argv, env = [*COMMAND, "db", "dump", "-"], dict(source.env)
    with subprocess.Popen(
        argv, cwd=source.root_dir, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as begun:
        assert begun.stdout is not None and begun.stderr is not None
        begun.stdout.close()
        told = begun.stderr.read()
    assert (begun.returncode, "the dump is not whole" in told) == (3, True), told


def test_damaged_dump_is_refused_before_anything_is_touched(other: Moved, dump: Path) -> None:
    dump.write_bytes(dump.read_bytes()[:-100])
    outcome = other.run("db", "restore", str(dump), "--yes")
    assert (outcome.exit_code, "cannot be restored" in outcome.stderr) == (3, True)
    assert other.databases.versions() == ()


def test_restore_that_is_killed_leaves_the_database_as_it_was(other: Moved, dump: Path, tmp_path: Path) -> None:
    other.run_well("db", "restore", str(dump), "--yes")
    other.run_well("db", "dump", str(tmp_path / "before"))
    with other.databases.opened(RELEASE) as url:
        execute(url, f"INSERT INTO log (event, extra) SELECT 'x', md5(n::text) FROM generate_series(1, {MANY_ROWS}) n")
    other.run_well("db", "dump", str(tmp_path / "large"))
    other.run_well("db", "restore", str(tmp_path / "before"), "--yes")
    with other.begin("db", "restore", str(tmp_path / "large"), "--yes") as command:
        assert command.stderr is not None
        assert any("holds what was there" in line for line in command.stderr)
        with pytest.raises(subprocess.TimeoutExpired):
            command.wait(0.5)
        command.send_signal(signal.SIGKILL)
    other.run_well("db", "dump", str(tmp_path / "after"))
    assert (tmp_path / "after").read_bytes() == (tmp_path / "before").read_bytes()
    other.run_well("db", "restore", str(tmp_path / "large"), "--yes")
    assert other.rows(RELEASE, "SELECT count(*) > 300000 FROM log") == [(True,)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for less than a dump."""
    folder = tmp_path / "small"
    with small_disk_on(folder, "12k"):
        yield folder


def test_full_disk_while_dumping_leaves_nothing_and_keeps_what_was_there(source: Moved, small_disk: Path) -> None:
    (small_disk / "old").write_text("old")
    for name in ("new", "old", "new.gz"):
        outcome = source.run("db", "dump", str(small_disk / name), "--force")
        if name == "new.gz" and outcome.exit_code == 0:
            continue  # it is small enough
        assert (outcome.exit_code, f"no space left below {small_disk}" in outcome.stderr) == (3, True), outcome.stderr
    assert (small_disk / "old").read_text() == "old"
    assert {path.name for path in small_disk.iterdir()} <= {"old", "new.gz"}


def test_dump_of_another_airflow_by_pg_dump_comes_in_with_its_key(source: Moved, other: Moved, tmp_path: Path) -> None:
    path, key = tmp_path / "airflow.pgdump", tmp_path / "fernet.key"
    with source.databases.opened(RELEASE) as url:
        pg_dump(url, path, "custom")
    other.write({"mwaa.yaml": f'AirflowVersion: "{NEWER}"\n'})
    outcome = other.run("db", "restore", str(path), "--yes")
    assert (outcome.exit_code, "connection mydb: password" in outcome.stderr) == (3, True), outcome.stderr
    key.write_text(source.fernet_key)
    told = json.loads(other.run_well("db", "restore", str(path), "--yes", "--json", "--fernet-key-file", str(key)))
    assert (told["from_airflow_version"], told["unreadable"]) == (RELEASE, [])
    assert other.password(NEWER) == PASSWORD
    assert other.databases.versions() == (NEWER,)


@pytest.mark.full
@pytest.mark.network
@pytest.mark.parametrize("kind", ["plain", "custom"])
def test_dump_of_another_airflow_2_by_pg_dump_comes_into_airflow_3(source: Moved, tmp_path: Path, kind: str) -> None:
    """Over the border it goes through 2.11.2, as on MWAA, and Airflow 3 runs on it."""
    path, key = tmp_path / "airflow.pgdump", tmp_path / "fernet.key"
    with source.databases.opened(RELEASE) as url:
        pg_dump(url, path, kind)
    key.write_text(source.fernet_key)
    newest = new_project(tmp_path / "newest", "3.3.1")
    newest.write({"dags/moved.py": DAG.replace("airflow.operators.bash", "airflow.providers.standard.operators.bash")})
    try:
        words = ("db", "restore", str(path), "--yes", "--json", "--fernet-key-file", str(key))
        told = json.loads(newest.run_well(*words))
        assert (told["from_airflow_version"], told["migrated_by"]) == (RELEASE, ["2.11.2", "3.3.1"])
        assert newest.databases.versions() == ("3.3.1",)
        assert newest.password("3.3.1") == PASSWORD
        newest.run_well("up", "--port", "0", "--run", "moved")
        assert newest.run_well("airflow", "variables", "get", "kept").splitlines()[-1] == "value"
        [connection] = json_in(newest.run_well("airflow", "connections", "get", "mydb", "-o", "json"))
        assert connection["password"] == PASSWORD
    finally:
        newest.run("down", "--volumes", "--now")


@pytest.mark.full
@pytest.mark.network
def test_real_history_is_readable_in_another_project_of_airflow_3(tmp_path: Path, other: Moved) -> None:
    """With a run of real tasks, by Airflow's own commands, and the DAG goes on running there."""
    other.run_well("up", "--port", "0", "--run", "moved")
    other.run_well("airflow", "connections", "add", "mydb", "--conn-uri", f"http://u:{PASSWORD}@h/?a=b")
    other.run_well("db", "dump", str(tmp_path / "running.dump"))
    other.run_well("down", "--now")
    newest = new_project(tmp_path / "newest", "3.3.1")
    newest.write({"dags/moved.py": DAG.replace("airflow.operators.bash", "airflow.providers.standard.operators.bash")})
    told = json.loads(newest.run_well("db", "restore", str(tmp_path / "running.dump"), "--yes", "--json"))
    assert told["migrated_by"] == ["2.11.2", "3.3.1"]
    try:
        newest.run_well("up", "--port", "0", "--run", "moved")
        [connection] = json_in(newest.run_well("airflow", "connections", "get", "mydb", "-o", "json"))
        assert connection["password"] == PASSWORD
        runs = json_in(newest.run_well("airflow", "dags", "list-runs", "moved", "-o", "json"))
        assert [run["state"] for run in runs] == ["success", "success"]
    finally:
        newest.run("down", "--volumes", "--now")


@pytest.mark.full
@pytest.mark.docker
def test_database_goes_into_docker_and_back_with_the_same_bytes(source: Moved, dump: Path, tmp_path: Path) -> None:
    """Their servers are of PostgreSQL 18 and 16, whose own dumps do not go back."""
    in_docker, back = tmp_path / "in_docker", tmp_path / "back"
    docker, process = ("--runtime", "docker"), ("--runtime", "process")
    containers = ComposeRuntime(Project(source.root_dir), source.env)
    try:
        told = json.loads(source.run_well("db", "restore", str(dump), "--yes", "--json", *docker))
        assert (told["runtime"], told["snapshot_of_before"]) == ("docker", None)
        source.run_well("db", "snapshot", "in-docker", *docker)
        with containers.databases.opened(RELEASE) as url:
            execute(url, "DELETE FROM connection")
        told = json.loads(source.run_well("db", "restore", "in-docker", "--yes", "--json", *docker))
        source.run_well("db", "restore", told["snapshot_of_before"], "--yes", *docker)
        with containers.databases.opened(RELEASE) as url:
            assert rows(url, "SELECT count(*) FROM connection") == [(0,)]
        source.run_well("db", "restore", "in-docker", "--yes", *docker)
        source.run_well("db", "dump", str(in_docker), *docker)
        told = json.loads(source.run_well("db", "restore", str(in_docker), "--yes", "--json", *process))
        assert told["runtime"] == "process"
        source.run_well("db", "dump", str(back), *process)
        assert in_docker.read_bytes() == back.read_bytes() == dump.read_bytes()
    finally:
        containers.remove_data()
