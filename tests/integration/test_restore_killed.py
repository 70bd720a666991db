"""A restore whose process is killed: nothing of before is lost, nothing is left, and the next command says what is."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from mwaa_local.project import Project
from mwaa_local.restoring.record import record_path
from mwaa_local.runtime.compose.containers import compose_name
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.runtime import ComposeRuntime
from tests.conftest import REPOSITORY_DIR
from tests.contract.databases import execute
from tests.environments import wait_until
from tests.integration.killed_restore import AFTER_COMMIT, BEFORE_COMMIT
from tests.integration.moved import Moved, new_project, pg_dump

pytestmark = [pytest.mark.network, pytest.mark.full]
OLDER, RELEASE = "2.10.1", "2.11.2"
IN_DOCKER = "2.10.3"
MANY_ROWS = 300_000  # that take long enough to be told as they move
TIMEOUT_S = 900.0
END_S = 30.0  # what a killed command had begun ends by itself once the server is gone
SNAPSHOT = "holds what was there"
UNTOUCHED = "nothing was changed; run it again"
AS_IT_WAS = "the database is as it was, and the environment is stopped; run it again, or `mwaa-local up`"
OURS, PLAIN = "older.dump", "older.sql"
# File, the event after which it is, a text of the event at which it is killed, and what the next command says.
KILLED = {
    "loading beside": (OURS, "", "loading log", UNTOUCHED),
    "loaded beside": (OURS, "", f"rows of Airflow {OLDER}", UNTOUCHED),
    "migrating": (OURS, "", "Running upgrade", UNTOUCHED),
    "migrated": (OURS, "", f"migrated to Airflow {RELEASE}", UNTOUCHED),
    "writing what came of it": (OURS, "migrated to", "writing log", UNTOUCHED),
    "snapshot taken": (OURS, "", SNAPSHOT, AS_IT_WAS),
    "loading": (OURS, SNAPSHOT, "loading log", AS_IT_WAS),
    "before the commit": (OURS, "", BEFORE_COMMIT, AS_IT_WAS),
    "importing": (PLAIN, "", "importing log", UNTOUCHED),
    "imported": (PLAIN, "", "loaded what is of Airflow", UNTOUCHED),
    "migrating what was imported": (PLAIN, "", "Running upgrade", UNTOUCHED),
    "loading what was imported": (PLAIN, SNAPSHOT, "loading log", AS_IT_WAS),
}


@dataclass(frozen=True)
class Dumps:
    """Dumps of an older release's database with many rows."""

    folder: Path
    fernet_key: str


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dumps]:
    folder = tmp_path_factory.mktemp("older")
    older = new_project(folder, OLDER)
    older.create(OLDER)
    with older.databases.opened(OLDER) as url:
        execute(url, f"INSERT INTO log (event, extra) SELECT 'x', md5(n::text) FROM generate_series(1, {MANY_ROWS}) n")
        pg_dump(url, folder / PLAIN, "plain")
    older.run_well("db", "dump", str(folder / OURS))
    yield Dumps(folder, older.fernet_key)
    older.runtime.remove_data()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    runner = new_project(tmp_path_factory.mktemp("kept"), RELEASE)
    runner.create(RELEASE)
    yield runner
    runner.runtime.remove_data()


def kill_restore(runner: Moved, file: Path, after: str, when: str, runtime: str = "process") -> None:
    words = [str(runner.root_dir), str(file), runtime, after, when]
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.killed_restore", *words],
        cwd=REPOSITORY_DIR,
        env=dict(runner.env),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    assert record_path(Project(runner.root_dir)).exists()


def settled(runner: Moved) -> str:
    """Return what the next command says, after a look at what is left."""
    outcome = runner.run("down")
    assert outcome.exit_code == 0, outcome.stderr
    assert_nothing_is_left(runner)
    return outcome.stderr


def assert_nothing_is_left(runner: Moved) -> None:
    project = Project(runner.root_dir.resolve())
    assert not record_path(project).exists()
    assert [
        path.name for path in project.state_dir.iterdir() if path.name.startswith(("restoring-", "migration-"))
    ] == []
    assert sorted(path.name for path in project.database_dir.glob("*")) == sorted(runner.databases.versions())
    assert "-restoring" not in (project.state_dir / "secrets.json").read_text()
    assert list(project.run_dir.glob("*-restoring*.log")) == []
    wait_until(lambda: processes_of(project) == [], END_S, "the end of what the killed command had begun")


def processes_of(project: Project) -> list[str]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = [*process.cmdline(), *process.environ().values()]
            if any(word.startswith(str(project.state_dir)) for word in words):
                found.append(" ".join(process.cmdline()))
    return found


@pytest.mark.parametrize(("name", "after", "when", "said"), KILLED.values(), ids=KILLED.keys())
def test_database_is_as_it_was_and_the_next_command_tidies_up(
    kept: Moved, dumps: Dumps, tmp_path: Path, name: str, after: str, when: str, said: str
) -> None:
    before = kept.rows_dumped(tmp_path / "rows")
    kill_restore(kept, dumps.folder / name, after, when)
    assert f"a restore of {name} into Airflow {RELEASE} was cut off: {said}" in settled(kept)
    assert kept.databases.versions() == (RELEASE,)
    assert kept.rows_dumped(tmp_path / "rows") == before
    assert "was cut off" not in kept.run("down").stderr


def test_any_command_that_opens_the_database_tidies_up(kept: Moved, dumps: Dumps, tmp_path: Path) -> None:
    before = kept.rows_dumped(tmp_path / "rows")
    kill_restore(kept, dumps.folder / OURS, SNAPSHOT, "loading log")
    outcome = kept.run("db", "dump", str(tmp_path / "rows"), "--force", "--json")
    assert (outcome.exit_code, "was cut off" in outcome.stderr) == (0, True), outcome.stderr
    assert (tmp_path / "rows").read_bytes() == before
    assert_nothing_is_left(kept)


def test_project_without_a_database_has_none_again(dumps: Dumps, tmp_path: Path) -> None:
    runner = new_project(tmp_path, RELEASE)
    kill_restore(runner, dumps.folder / OURS, "writing log", "loading log")
    assert AS_IT_WAS in settled(runner)
    assert runner.databases.versions() == ()


def test_what_was_committed_is_there_and_said_and_the_snapshot_brings_back_what_was(
    kept: Moved, dumps: Dumps, tmp_path: Path
) -> None:
    before = kept.rows_dumped(tmp_path / "rows")
    kill_restore(kept, dumps.folder / OURS, "", AFTER_COMMIT)
    said = settled(kept)
    assert "all of it is in, and the environment is stopped: `mwaa-local up` starts it" in said
    assert kept.rows(RELEASE, "SELECT count(*) FROM log WHERE event = 'x'") == [(MANY_ROWS,)]
    back = next(word for word in said.split() if word.startswith("before-restore-")).strip("`")
    kept.run_well("db", "restore", back, "--yes")
    assert kept.rows_dumped(tmp_path / "rows") == before


def test_it_can_be_run_again_at_once(kept: Moved, dumps: Dumps) -> None:
    kill_restore(kept, dumps.folder / PLAIN, "", "importing log")
    key = dumps.folder / "fernet.key"
    key.write_text(dumps.fernet_key)
    told = kept.run("db", "restore", str(dumps.folder / PLAIN), "--yes", "--fernet-key-file", str(key))
    assert (told.exit_code, UNTOUCHED in told.stderr) == (0, True), told.stderr
    assert kept.rows(RELEASE, "SELECT count(*) FROM log WHERE event = 'x'") == [(MANY_ROWS,)]
    assert_nothing_is_left(kept)


@pytest.mark.docker
def test_in_docker_the_volume_and_the_server_of_a_killed_restore_go(tmp_path: Path) -> None:
    source = new_project(tmp_path / "source", IN_DOCKER)
    source.create(IN_DOCKER)
    with source.databases.opened(IN_DOCKER) as url:
        execute(url, f"INSERT INTO log (event, extra) SELECT 'x', md5(n::text) FROM generate_series(1, {MANY_ROWS}) n")
    source.run_well("db", "dump", str(tmp_path / OURS))
    source.runtime.remove_data()
    runner = new_project(tmp_path / "target", IN_DOCKER)
    project = Project(runner.root_dir)
    docker = ComposeRuntime(project, runner.env)
    try:
        kill_restore(runner, tmp_path / OURS, "", "loading log", "docker")
        assert docker.databases.versions() == (IN_DOCKER,)
        outcome = runner.run("down")
        assert (outcome.exit_code, AS_IT_WAS in outcome.stderr) == (0, True), outcome.stderr
        assert not record_path(project).exists()
        assert docker.databases.versions() == ()
        name = compose_name(project)
        engine = Engine.open(runner.env)
        assert (engine.tasks(name), engine.volumes(name)) == ([], {})
    finally:
        docker.remove_data()
