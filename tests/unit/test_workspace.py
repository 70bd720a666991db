"""A project can be worked on without a command line: found, held, its data removed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mwaa_local.errors import AccessDenied, AlreadyRunning
from mwaa_local.https.place import CERTIFICATE_NAME
from mwaa_local.project import Project
from mwaa_local.secrets import SECRETS_NAME
from mwaa_local.workspace import LOCK_NAME, Workspace, cache_dir_of
from tests.conftest import ProjectRunner
from tests.ordinary_user import as_ordinary_user, reachable_folder


@pytest.fixture
def workspace(project: Callable[..., ProjectRunner]) -> Workspace:
    runner = project({"mwaa.yaml": "AirflowVersion: 2.10.3\n", "dags/a.py": ""})
    return Workspace(Project.find(runner.root_dir), dict(runner.env))


def test_environment_and_release_are_the_projects(workspace: Workspace) -> None:
    environment = workspace.environment()
    assert environment.airflow_version == workspace.release(environment).airflow_version == "2.10.3"
    assert not workspace.runtime.running


def test_one_change_at_a_time(workspace: Workspace) -> None:
    other = Workspace(workspace.project, workspace.env)
    with workspace.exclusive():
        with pytest.raises(AlreadyRunning) as caught, other.exclusive():
            pass
        assert LOCK_NAME in caught.value.why
    with other.exclusive():
        pass


def test_project_of_somebody_else_is_named_and_not_its_lock(workspace: Workspace) -> None:
    with workspace.exclusive():
        pass  # the folders are there now
    with reachable_folder() as folder:
        shutil.copytree(workspace.project.root_dir, folder / "project")
        other = Workspace(Project(folder / "project"), workspace.env)
        other.project.run_dir.joinpath(LOCK_NAME).chmod(0o400)
        with as_ordinary_user(), pytest.raises(AccessDenied) as caught, other.exclusive():
            pass
        assert caught.value.what == f"not allowed to change the environment of {folder / 'project'}"


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        ({"MWAA_LOCAL_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"MWAA_LOCAL_CACHE_DIR": "", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/mwaa-local"),
        ({"HOME": "/c"}, "/c/.cache/mwaa-local"),
    ],
)
def test_cache_folder_is_the_named_one_else_the_users(env: dict[str, str], folder: str) -> None:
    assert cache_dir_of(env) == Path(folder)


def test_data_goes_with_its_secrets_and_never_the_users_files(workspace: Workspace) -> None:
    project = workspace.project
    for name in ("", "2.10.3", "3.3.1"):
        (project.database_dir / name).mkdir(parents=True)
    for name in (SECRETS_NAME, CERTIFICATE_NAME):
        (project.state_dir / name).write_text("{}")
    project.run_dir.mkdir(exist_ok=True)
    (project.run_dir / CERTIFICATE_NAME).write_text("a copy")
    workspace.remove_database("2.10.3")
    assert [path.name for path in project.database_dir.iterdir()] == ["3.3.1"]
    workspace.remove_data()
    assert not project.database_dir.exists() or not list(project.database_dir.iterdir())
    assert not (project.state_dir / SECRETS_NAME).exists()
    assert not (project.state_dir / CERTIFICATE_NAME).exists()
    assert not (project.run_dir / CERTIFICATE_NAME).exists()
    assert (project.dags_dir / "a.py").exists()


def test_database_of_another_release_that_is_not_there_is_not_said_to_be_gone(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    runner = ProjectRunner(tmp_path / "project", clean_env)
    runner.write({"mwaa.yaml": 'AirflowVersion: "2.10.3"\n', "dags/a.py": ""})
    database_dir = Project(runner.root_dir).database_dir
    for name in ("2.10.3", "2.9.2", "2.9.2-rehearsal"):
        (database_dir / name).mkdir(parents=True)
    outcome = runner.run("reset-db", "--airflow-version", "2.10.1", "--yes")
    assert outcome.exit_code == 3, outcome.stderr
    assert "error: this project has no database of Airflow 2.10.1 here" in outcome.stderr
    assert "There are those of 2.9.2, 2.10.3." in outcome.stderr
    assert "hint: name the version of one that is there" in outcome.stderr
    outcome = runner.run("reset-db", "--airflow-version", "2.9.2", "--yes")
    assert (outcome.exit_code, "of Airflow 2.9.2 is gone" in outcome.stderr) == (0, True), outcome.stderr
    assert not (database_dir / "2.9.2").exists()
