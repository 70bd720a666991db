"""Several releases at once on one machine, in projects of their own that share the cache and the user's home.

The oldest beside the newest, both started in the same moment; and one release that two projects install first.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mwaa_local.release import Release
from tests.conftest import Outcome, ProjectRunner, make_clean_env
from tests.environments import (
    LATEST,
    START_TIMEOUT_S,
    RunningEnvironment,
    alive,
    tiny_files,
)

OLDEST = "1.10.12"

pytestmark = [pytest.mark.full, pytest.mark.network]


def started_together(runners: dict[str, ProjectRunner]) -> dict[str, Outcome]:
    """Begin `up` in all projects before any of them has ended; return how each ended."""
    begun = {name: runner.begin("up", "--port", "0", "--run", "tiny") for name, runner in runners.items()}
    ended = {}
    for name, process in begun.items():
        with process:
            stdout, stderr = process.communicate(timeout=START_TIMEOUT_S)
            ended[name] = Outcome(process.returncode, stdout, stderr)
    assert {name: outcome.exit_code for name, outcome in ended.items()} == dict.fromkeys(runners, 0), ended
    return ended


@pytest.fixture(scope="module")
def home_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("side") / "home"


@pytest.fixture(scope="module")
def pair(home_dir: Path) -> Iterator[tuple[RunningEnvironment, RunningEnvironment]]:
    """The oldest release and the newest one, of one user."""
    home_dir.mkdir()
    env = make_clean_env(home_dir)
    runners = {version: ProjectRunner(home_dir.parent / version, env) for version in (OLDEST, LATEST)}
    try:
        for version, runner in runners.items():
            runner.write(tiny_files(version))
        ended = started_together(runners)
        oldest, newest = (
            RunningEnvironment(runner, Release.load(version), ended[version]) for version, runner in runners.items()
        )
        yield oldest, newest
    finally:
        for runner in runners.values():
            runner.run("down", "--now", "--volumes")
            shutil.rmtree(runner.root_dir, ignore_errors=True)


def test_both_run_and_share_no_port_process_or_log(pair: tuple[RunningEnvironment, RunningEnvironment]) -> None:
    for environment in pair:
        status = environment.wait_until_healthy()
        assert status["airflow_version"] == environment.release.airflow_version
        rows = environment.query("SELECT DISTINCT state FROM task_instance WHERE dag_id = 'tiny'")
        assert rows == [("success",)]
        environment.wait_for_messages(len(environment.query("SELECT 1 FROM task_instance WHERE dag_id = 'tiny'")))
    oldest, newest = pair
    assert not set(oldest.plan().ports.values()) & set(newest.plan().ports.values())
    assert not {item.pid for item in oldest.processes()} & {item.pid for item in newest.processes()}
    assert oldest.url() != newest.url()


def test_cache_keeps_what_either_uses(pair: tuple[RunningEnvironment, RunningEnvironment]) -> None:
    asked = pair[0].run("cache", "prune", "--all", "--dry-run", "--json")
    assert asked.exit_code == 0, asked.stderr
    kept = json.loads(asked.stdout)["kept"]
    for environment in pair:
        folder = str(environment.project.root_dir)
        assert {item["kind"] for item in kept if folder in item["used_by"]} >= {"packages", "database"}


def test_down_of_one_leaves_the_other(pair: tuple[RunningEnvironment, RunningEnvironment]) -> None:
    """The last of the pair's: it ends the oldest."""
    oldest, newest = pair
    before, stays = oldest.processes(), newest.pids()
    assert oldest.run("down").exit_code == 0
    assert alive(before) == []
    assert newest.pids() == stays
    assert newest.status()["healthy"]
    again = newest.run("up", "--run", "tiny", timeout_s=START_TIMEOUT_S)
    assert again.exit_code == 0, again.stderr
    assert newest.pids() == stays


def test_release_that_two_projects_install_first_is_installed_once(home_dir: Path, tmp_path: Path) -> None:
    home_dir.mkdir(exist_ok=True)
    env = {**make_clean_env(home_dir), "MWAA_LOCAL_CACHE_DIR": str(tmp_path / "cache")}
    runners = {name: ProjectRunner(tmp_path / name, env) for name in ("one", "two")}
    try:
        for runner in runners.values():
            runner.write(tiny_files(OLDEST))
        ended = started_together(runners)
        said = [outcome.stderr for outcome in ended.values()]
        assert sum("installing" in text and f"packages of Airflow {OLDEST}" in text for text in said) == 1, said
        for folder in ("environments", "databases"):
            made = [
                path.name for path in (tmp_path / "cache" / folder).iterdir() if "." not in path.name[len(OLDEST) :]
            ]
            assert [name.partition("-")[0] for name in made] == [OLDEST], made
        for name, runner in runners.items():
            environment = RunningEnvironment(runner, Release.load(OLDEST), ended[name])
            assert environment.wait_until_healthy()["figures"]["dags"] == 1
    finally:
        for runner in runners.values():
            runner.run("down", "--now", "--volumes")
