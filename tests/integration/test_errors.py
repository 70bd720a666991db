"""Failures a user can act on: each says what, why and a way out, ends with its exit code, and loses nothing."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from mwaa_local.runtime.ports import free_port, port_settings
from mwaa_local.services.role import ROLE
from tests.conftest import COMMAND, Outcome, ProjectRunner
from tests.environments import plain_files

MakeProject = Callable[..., ProjectRunner]
READABLE_CHARACTERS = 4000
DEAD_INDEX = "http://127.0.0.1:9/"  # the discard port: nothing listens


def assert_failed(outcome: Outcome, *texts: str, exit_code: int = 3) -> None:
    """Check exit code, form and words of an error."""
    assert "Traceback" not in outcome.stderr, outcome.stderr
    assert outcome.exit_code == exit_code, outcome.stderr
    assert "error: " in outcome.stderr
    assert "hint: " in outcome.stderr, outcome.stderr
    assert len(outcome.stderr) < READABLE_CHARACTERS, outcome.stderr[:READABLE_CHARACTERS]
    for text in texts:
        assert text in outcome.stderr, outcome.stderr


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def aws_with(component: str) -> str:
    """Return the `Aws` with which there is that component: one of them is there for an AWS of somebody else."""
    return "http://127.0.0.1:9" if component == ROLE else "local"


@pytest.mark.network
def test_port_in_use_names_its_holder(project: MakeProject, taken_port: int) -> None:
    outcome = project(plain_files()).run("up", "--port", str(taken_port))
    assert_failed(outcome, f"port {taken_port} is already in use", f"process {os.getpid()}", "--port 0")


@pytest.mark.network
@pytest.mark.parametrize(("name", "setting"), port_settings().items())
def test_port_in_use_of_the_environment_file(project: MakeProject, taken_port: int, name: str, setting: str) -> None:
    runner = project(plain_files(Local={"Aws": aws_with(name), "WebserverPort": 0, setting: taken_port}))
    assert_failed(runner.run("up"), f"port {taken_port} is already in use", f"Component {name} needs it", setting)


@pytest.mark.network
def test_one_port_for_two_components(project: MakeProject) -> None:
    port = free_port()
    runner = project(plain_files(Local={"PostgresPort": port}))
    assert_failed(runner.run("up", "--port", str(port)), f"port {port} is chosen for two", "WebserverPort")


def test_broken_environment_file_names_the_line(project: MakeProject) -> None:
    runner = project({"mwaa.yaml": 'AirflowVersion: "3.3.1"\nMaxWorkers: [1\n', "dags/a.py": ""})
    assert_failed(runner.run("up"), "mwaa.yaml:")


def test_wrong_member_names_the_line(project: MakeProject) -> None:
    runner = project({"mwaa.yaml": 'AirflowVersion: "3.3.1"\nMaxWorker: 3\n', "dags/a.py": ""})
    assert_failed(runner.run("up"), "mwaa.yaml:2", "MaxWorkers")


def test_unknown_release_is_refused_with_those_there_are(project: MakeProject) -> None:
    assert_failed(project({"mwaa.yaml": 'AirflowVersion: "9.9.9"\n'}).run("up"), "9.9.9", "3.3.1")


def test_folder_without_a_project(tmp_path: Path, clean_env: Mapping[str, str]) -> None:
    (tmp_path / "empty").mkdir()
    assert_failed(ProjectRunner(tmp_path / "empty", clean_env).run("up"), "no MWAA project in")


def test_wrong_option_is_wrong_usage(project: MakeProject) -> None:
    outcome = project(plain_files()).run("up", "--no-such-option")
    assert outcome.exit_code == 2
    assert "--no-such-option" in outcome.stderr


def test_airflow_command_needs_a_running_environment(project: MakeProject) -> None:
    assert_failed(project(plain_files()).run("airflow", "version"), "not running", "mwaa-local up")


def test_logs_of_an_unknown_component(project: MakeProject) -> None:
    assert_failed(project(plain_files()).run("logs", "no-such"), "no-such")


def without_pythons(tmp_path: Path) -> dict[str, str]:
    """Return variables under which uv finds no interpreter but the one that runs these tests."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    (bin_dir / "python3").symlink_to(sys.executable)
    return {
        "PATH": str(bin_dir),
        "PYENV_ROOT": str(tmp_path / "no-pyenv"),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PYTHON_INSTALL_DIR": str(tmp_path / "no-pythons"),
        "MWAA_LOCAL_CACHE_DIR": str(tmp_path / "cache"),
        "UV_DEFAULT_INDEX": DEAD_INDEX,
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
    }


def test_no_python_for_the_release(project: MakeProject, tmp_path: Path) -> None:
    """Airflow 2.2.2 runs on nothing newer than Python 3.9, and this package needs 3.11."""
    outcome = project(plain_files("2.2.2")).run("up", "--port", "0", env=without_pythons(tmp_path))
    assert_failed(outcome, "no Python 3.7 for Airflow 2.2.2", "Python 3.6, 3.7, 3.8, 3.9")


def test_no_index_leaves_nothing_half_built(project: MakeProject, tmp_path: Path) -> None:
    cache_dir = tmp_path / "cache"
    env = {
        "MWAA_LOCAL_CACHE_DIR": str(cache_dir),
        "UV_DEFAULT_INDEX": DEAD_INDEX,
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
        "UV_HTTP_RETRIES": "0",
        "UV_NO_CONFIG": "1",
    }
    runner = project(plain_files())
    for _ in range(2):  # what the first try left must not be taken for a package set by the second
        assert_failed(runner.run("up", "--port", "0", env=env), "could not", "UV_DEFAULT_INDEX")
    assert list(cache_dir.glob("environments/*/mwaa-local.json")) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for 2 MB and no more."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_disk_full_below_the_cache_folder(project: MakeProject, small_disk: Path) -> None:
    outcome = project(plain_files()).run("up", "--port", "0", env={"MWAA_LOCAL_CACHE_DIR": str(small_disk)})
    assert_failed(outcome, "room", str(small_disk))


@pytest.mark.network
def test_disk_full_below_the_project(small_disk: Path, clean_env: Mapping[str, str]) -> None:
    runner = ProjectRunner(small_disk, clean_env)
    runner.write(plain_files())
    outcome = runner.run("up", "--port", "0")
    assert_failed(outcome, str(small_disk))
    assert runner.run("status").exit_code == 1
    # With room again, what was begun is no hindrance.
    subprocess.run(["mount", "-o", "remount,size=1g", str(small_disk)], check=True)
    again = runner.run("options")
    assert again.exit_code == 0, again.stderr


def test_disk_without_any_room(small_disk: Path, clean_env: Mapping[str, str]) -> None:
    runner = ProjectRunner(small_disk, clean_env)
    runner.write(plain_files())
    fill(small_disk / "filler")
    assert_failed(runner.run("up", "--port", "0"), str(small_disk))
    for words in (("status",), ("down",)):
        assert "Traceback" not in runner.run(*words).stderr


def fill(path: Path) -> None:
    """Write until there is no room for another page."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        with pytest.raises(OSError, match="No space left"):
            while True:
                os.write(fd, bytes(4096))
    finally:
        os.close(fd)


def test_state_folder_whose_name_is_taken(project: MakeProject) -> None:
    runner = project(plain_files())
    (runner.root_dir / ".mwaa-local").write_text("a file where a folder should be\n")
    assert_failed(runner.run("up", "--port", "0"), ".mwaa-local")


GARBAGE = "{ this is no JSON"


@pytest.mark.parametrize(
    "name", ["run/state.json", "run/remarks.json", "run/startup-exports.json", "run/sessions.jsonl"]
)
def test_damaged_file_that_can_be_made_again_stops_nothing(project: MakeProject, name: str) -> None:
    runner = project({**plain_files(), f".mwaa-local/run/{name}": GARBAGE})
    for words in (("status",), ("down",)):
        outcome = runner.run(*words)
        assert "Traceback" not in outcome.stderr
        assert "nothing is running here" in outcome.stderr


def test_damaged_startup_variables_are_named(project: MakeProject) -> None:
    runner = project({**plain_files(), ".mwaa-local/run/startup-exports.json": GARBAGE})
    assert_failed(runner.run("options"), "startup-exports.json", "rm ")


@pytest.mark.parametrize("text", [GARBAGE, "[]", '{"fernet_key": "x"}', ""])
def test_damaged_secrets_are_named_and_reset_db_helps(project: MakeProject, text: str) -> None:
    runner = project({**plain_files(), ".mwaa-local/secrets.json": text})
    assert_failed(runner.run("up", "--port", "0"), "secrets.json", "reset-db")
    assert runner.run("reset-db", "--yes").exit_code == 0
    # The command that the hint names makes a start possible again.
    assert not (runner.root_dir / ".mwaa-local" / "secrets.json").exists()


@pytest.mark.network
@pytest.mark.parametrize("text", ["", "17\n"])
def test_damaged_database_is_named(project: MakeProject, text: str) -> None:
    runner = project({**plain_files(), ".mwaa-local/database/3.3.1/PG_VERSION": text})
    outcome = runner.run("up", "--port", "0")
    assert_failed(outcome, "database/3.3.1", "reset-db")
    assert (runner.root_dir / ".mwaa-local/database/3.3.1/PG_VERSION").read_text() == text  # nothing was thrown away


@pytest.mark.network
def test_database_without_its_password_is_named(project: MakeProject) -> None:
    runner = project(plain_files())
    data_dir = runner.root_dir / ".mwaa-local" / "database" / "3.3.1"
    data_dir.mkdir(parents=True)
    (data_dir / "PG_VERSION").write_text("18\n")
    assert_failed(runner.run("up", "--port", "0"), "password", "reset-db")


def test_second_command_at_the_same_time_is_refused(project: MakeProject) -> None:
    runner = project({**plain_files(), ".mwaa-local/run/command.lock": ""})
    with (runner.root_dir / ".mwaa-local" / "run" / "command.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert_failed(runner.run("up", "--port", "0"), "another mwaa-local command")


def test_closed_output_is_no_error(project: MakeProject) -> None:
    runner = project(plain_files())
    command = " ".join(f"'{word}'" for word in (*COMMAND, "releases", "--json"))
    shell = shutil.which("bash")
    assert shell
    piped = subprocess.run(
        [shell, "-c", f"set -o pipefail; {command} | head -n 1"],
        cwd=runner.root_dir,
        env=dict(runner.env),
        capture_output=True,
        text=True,
        check=False,
    )
    assert piped.stderr == ""
    assert json.dumps(piped.stdout.strip()) in ('"["', '"{"')
