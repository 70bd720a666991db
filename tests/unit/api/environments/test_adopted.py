"""What `up` and `down` do is in the record, whoever asks for it later; a command that was killed counts as failed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.adopted import note_down, noted_up
from mwaa_local.api.environments.record import Operation
from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.environments.worker import take_lock
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import AlreadyRunning, ComponentFailed
from mwaa_local.project import Project
from tests.unit.api.environments.served_environments import status


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "project")
    (project.root_dir / "dags").mkdir(parents=True)
    project.environment_path.write_text("Name: mine\nMaxWorkers: 3\nTags: {team: data}\n")
    return project


def test_environment_that_never_ran_is_none_of_the_api(project: Project, clean_env: dict[str, str]) -> None:
    assert Registry.of_project(project, clean_env).names() == []


def test_up_is_creating_at_first_and_its_members_come_from_the_file(
    project: Project, clean_env: dict[str, str]
) -> None:
    registry = Registry.of_project(project, clean_env)
    with noted_up(project, Environment.load(project)):
        assert status(registry, "mine") == "CREATING"
        assert Registry.of_project(project, clean_env).find("mine").members["MaxWorkers"] == 3
    served = registry.find("mine")
    assert served.tags == {"team": "data"}
    assert (served.last_update or {})["Status"] == "SUCCESS"
    assert served.status == "UNAVAILABLE"  # nothing runs here, whatever `up` has said
    with noted_up(project, Environment.load(project)):
        assert status(registry, "mine") == "UPDATING"


def test_up_that_fails_leaves_a_failed_creation_with_the_reason(project: Project, clean_env: dict[str, str]) -> None:
    with pytest.raises(ComponentFailed), noted_up(project, Environment.load(project)):
        raise ComponentFailed("scheduler ended", "Its last lines.", "look")
    served = Registry.of_project(project, clean_env).find("mine")
    assert served.status == "CREATE_FAILED"
    assert "scheduler ended" in served.events[-1].what
    assert served.events[-1].why == "Its last lines."


def test_up_that_was_killed_is_not_repeated(project: Project, clean_env: dict[str, str]) -> None:
    with noted_up(project, Environment.load(project)):
        pass
    records.change(project, lambda record: replace(record, operation=Operation.new(records.UP, {})))
    served = Registry.of_project(project, clean_env).find("mine")
    assert served.record.operation is None
    assert "`mwaa-local up` was killed" in served.events[-1].what
    assert served.status == "UNAVAILABLE"


def test_up_and_the_api_keep_out_of_each_others_way(project: Project, clean_env: dict[str, str]) -> None:
    with noted_up(project, Environment.load(project)):
        pass
    lock = take_lock(project)  # as a worker of the API has it
    records.change(project, lambda record: replace(record, operation=Operation.new(records.UPDATE, {})))
    refused = pytest.raises(AlreadyRunning, match="environment mine is being changed through the API")
    with refused, noted_up(project, Environment.load(project)):
        raise AssertionError
    assert lock is not None
    os.close(lock)


def test_tags_of_the_api_outlive_an_up_of_what_it_made(project: Project, clean_env: dict[str, str]) -> None:
    with noted_up(project, Environment.load(project)):
        pass
    records.change(project, lambda record: replace(record, made_by=records.BY_API))
    registry = Registry.of_project(project, clean_env)
    registry.find("mine").set_tags({"team": "other", "cost": "1"})
    with noted_up(project, Environment.load(project)):
        pass
    assert registry.find("mine").tags == {"team": "other", "cost": "1"}


def test_down_is_an_event(project: Project, clean_env: dict[str, str]) -> None:
    note_down(project, with_data=False)  # nothing is known: nothing is noted
    assert records.load(project) is None
    with noted_up(project, Environment.load(project)):
        pass
    note_down(project, with_data=True)
    assert "down" in Registry.of_project(project, clean_env).find("mine").events[-1].what


def test_deletion_of_what_up_made_leaves_its_folder(project: Project, clean_env: dict[str, str]) -> None:
    from tests.unit.api.environments.served_environments import GONE, wait_for

    with noted_up(project, Environment.load(project)):
        pass
    (project.state_dir / "packages").mkdir()
    before = sorted(path.name for path in project.root_dir.iterdir())
    registry = Registry.of_project(project, clean_env)
    registry.find("mine").delete()
    wait_for(registry, GONE, name="mine")
    assert sorted(path.name for path in project.root_dir.iterdir()) == before
    assert "MaxWorkers: 3" in project.environment_path.read_text()
    assert not (project.state_dir / "packages").exists()
    assert not records.record_path(project).exists()
