"""Projects with a small database of a real PostgreSQL, in which no Airflow has ever been."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mwaa_local.project import Project
from mwaa_local.runtime.ports import free_port
from mwaa_local.runtime.process.servers import DatabaseTemplates, Migration, copy_data, find_binaries
from mwaa_local.secrets import SECRETS_NAME, load_secrets
from mwaa_local.workspace import Workspace
from tests.unit.database.servers import SERVER_ENV
from tests.unit.restoring.projects import VERSION


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder with a database that has the one table that counts, without rows, and its password."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "dags").mkdir()
    project = Project(folder)
    project.make_state_dir()
    templates = DatabaseTemplates(folder / "cache", find_binaries(), SERVER_ENV, free_port())

    def remember(password: str) -> None:
        load_secrets(project.state_dir).with_database(VERSION, password).save(project.state_dir)

    migration = Migration("empty", (), lambda url: {}, folder)
    templates.create(project.database_dir / VERSION, migration, lambda text: None, remember)
    yield project.state_dir


@pytest.fixture
def workspace(tmp_path: Path, clean_env: dict[str, str]) -> Workspace:
    (tmp_path / "dags").mkdir()
    return Workspace(Project(tmp_path), clean_env)


@pytest.fixture
def kept(workspace: Workspace, made: Path) -> Workspace:
    """A project with such a database."""
    project = workspace.project
    project.make_state_dir()
    shutil.copy(made / SECRETS_NAME, project.state_dir)
    project.database_dir.mkdir()
    copy_data(made / "database" / VERSION, project.database_dir / VERSION, lambda: None)
    return workspace
