"""In which runtime the databases of a project are, where nothing runs."""

from __future__ import annotations

from pathlib import Path

from mwaa_local.project import Project
from mwaa_local.runtime.choice import DOCKER, DOCKER_STATE_NAME, PROCESS, with_databases
from mwaa_local.runtime.databases import is_for_a_while


def test_databases_are_where_the_project_has_something(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert with_databases(project) == ""
    (project.state_dir / "docker").mkdir(parents=True)
    assert with_databases(project) == DOCKER
    (project.database_dir / "2.10.3").mkdir(parents=True)
    assert with_databases(project) == PROCESS
    project.run_dir.mkdir(parents=True, exist_ok=True)
    (project.run_dir / DOCKER_STATE_NAME).touch()
    assert with_databases(project) == DOCKER, "what runs, or was cut off, is asked first"


def test_copy_for_another_purpose_is_told_from_a_release() -> None:
    assert [is_for_a_while(name) for name in ("2.10.3", "2.10.3-restoring")] == [False, True]
