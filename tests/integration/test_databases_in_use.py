"""The database on which an environment runs: it can be asked, and neither copied nor removed."""

from __future__ import annotations

import json

import pytest

from mwaa_local.environment.environment import Environment
from mwaa_local.errors import DatabaseInUse
from mwaa_local.event import Event
from mwaa_local.release import Release
from mwaa_local.runtime.protocol import Runtime
from mwaa_local.wanted import Wanted
from mwaa_local.workspace import Workspace
from tests.conftest import ProjectRunner
from tests.contract.databases import rows
from tests.environments import LATEST, SAMPLE_DAG


@pytest.fixture(
    scope="module", params=["latest_environment", pytest.param("docker_environment", marks=pytest.mark.docker)]
)
def workspace(request: pytest.FixtureRequest) -> Workspace:
    environment = request.getfixturevalue(request.param)
    return Workspace(environment.project, dict(environment.runner.env))


def pids(runtime: Runtime) -> dict[str, int | None]:
    return {item.name: item.pid for item in runtime.status()}


def test_it_is_open_already(workspace: Workspace) -> None:
    before = pids(workspace.runtime)
    with workspace.runtime.databases.opened(LATEST) as url:
        assert (SAMPLE_DAG,) in rows(url, "SELECT dag_id FROM dag")
    assert pids(workspace.runtime) == before


def test_commands_reach_it(workspace: Workspace) -> None:
    environment = Environment.load(workspace.project)
    release = Release.load(LATEST)
    wanted = Wanted(workspace.project, environment, release, workspace.env, workspace.cache_dir)
    told: list[Event] = []
    before = pids(workspace.runtime)
    workspace.runtime.databases.run(wanted, LATEST, [["variables", "set", "by_command", "1"]], told.append)
    with workspace.runtime.databases.opened(LATEST) as url:
        assert rows(url, "DELETE FROM variable WHERE key = 'by_command' RETURNING is_encrypted") == [(True,)]
    assert pids(workspace.runtime) == before


def test_nothing_is_done_to_it_that_needs_it_stopped(workspace: Workspace) -> None:
    databases = workspace.runtime.databases
    with pytest.raises(DatabaseInUse, match="the environment runs on the database"):
        databases.copy(LATEST, "9.9.9-copy")
    with pytest.raises(DatabaseInUse, match="mwaa-local down"):
        databases.remove(LATEST)
    assert databases.versions() == (LATEST,)


def test_it_is_dumped_and_kept_whatever_the_environment_file_has_become(workspace: Workspace) -> None:
    path, runner = workspace.project.environment_path, ProjectRunner(workspace.project.root_dir, workspace.env)
    before, dump_path = path.read_text(), workspace.project.state_dir / "meanwhile.dump"
    path.write_text("AirflowVersion: [\n")
    try:
        dumped = runner.run("db", "dump", str(dump_path), "--json")
        kept = runner.run("db", "snapshot", "meanwhile", "--json")
        assert (dumped.exit_code, kept.exit_code) == (0, 0), dumped.stderr + kept.stderr
        runner.run("db", "forget", "meanwhile", "--yes")
    finally:
        path.write_text(before)
        dump_path.unlink(missing_ok=True)
    assert json.loads(dumped.stdout)["airflow_version"] == json.loads(kept.stdout)["airflow_version"] == LATEST
