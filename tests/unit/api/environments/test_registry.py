"""Environments are made, found and removed; of callers that come together one wins, and nothing of others is touched.

The worker is the real one. Creation is made to fail just before Airflow would start.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.faults import SLOW, Fault
from mwaa_local.api.environments.record import REMOVED, UNFINISHED, Record
from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.environments.worker import take_lock
from mwaa_local.api.http.errors import ServiceError
from mwaa_local.project import Project
from tests.unit.api.environments.served_environments import (
    GONE,
    NAME,
    let_creation_fail,
    members,
    wait_for,
)


@pytest.fixture
def registry(tmp_path: Path, clean_env: dict[str, str]) -> Registry:
    registry = Registry.of_folder(tmp_path / "environments", clean_env)
    let_creation_fail(registry)
    return registry


def test_created_environment_has_a_project_folder_with_its_members(registry: Registry) -> None:
    options = {"core.parallelism": "7"}
    registry.create(members(AirflowConfigurationOptions=options, Tags={"team": "data"}))
    served = registry.find(NAME)
    assert served.members["AirflowConfigurationOptions"] == options
    assert served.members["EnvironmentClass"] == "mw1.small"  # MWAA's default
    assert served.tags == {"team": "data"}
    assert "Tags" not in served.members
    assert served.door is None
    assert served.project.root_dir == registry.folder / NAME
    assert "core.parallelism: '7'" in served.project.environment_path.read_text()
    for path in (
        served.project.environment_path,  # options can be secret
        served.project.logs_dir / "operations.out",
        records.record_path(served.project),
    ):
        assert path.stat().st_mode & 0o077 == 0, path
    assert wait_for(registry, "CREATE_FAILED") == ["CREATING", "CREATE_FAILED"]
    error = (registry.find(NAME).last_update or {})["Error"]
    assert error["ErrorMessage"].startswith("mwaa-local: ")  # no words of the service are invented


def test_name_is_taken_from_the_first_moment_on(registry: Registry) -> None:
    registry.create(members())
    with pytest.raises(ServiceError, match=r"demo exists already and is CREATING") as refused:
        registry.create(members())
    assert refused.value.code == "ValidationException"
    wait_for(registry, "CREATE_FAILED")


def test_one_of_several_callers_creates(registry: Registry) -> None:
    refused: list[str] = []
    together = threading.Barrier(6)

    def create() -> None:
        together.wait()
        try:
            registry.create(members())
        except ServiceError as error:
            refused.append(error.code)

    callers = [threading.Thread(target=create) for _ in range(6)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert refused == ["ValidationException"] * 5
    assert [path.name for path in registry.folder.iterdir() if path.name.startswith(UNFINISHED)] == []
    wait_for(registry, "CREATE_FAILED")


def test_folder_of_somebody_else_is_not_taken(registry: Registry) -> None:
    (registry.folder / NAME).mkdir(parents=True)
    with pytest.raises(ServiceError, match="exists and is no environment"):
        registry.create(members())
    assert list((registry.folder / NAME).iterdir()) == []


def test_deleted_environment_leaves_nothing(registry: Registry) -> None:
    registry.create(members())
    wait_for(registry, "CREATE_FAILED")
    registry.find(NAME).delete()
    assert wait_for(registry, GONE)[-1] == GONE
    assert registry.names() == []
    assert [path.name for path in registry.folder.iterdir() if path.name == NAME] == []
    registry.create(members())  # the name is free again
    wait_for(registry, "CREATE_FAILED")


def test_deletion_leaves_files_that_nobody_copied_there(registry: Registry) -> None:
    registry.create(members())
    wait_for(registry, "CREATE_FAILED")
    mine = registry.folder / NAME / "dags" / "mine.py"
    mine.parent.mkdir()
    mine.write_text("print('mine')\n")
    registry.find(NAME).delete()
    wait_for(registry, GONE)
    assert mine.read_text() == "print('mine')\n"
    assert [path.name for path in (registry.folder / NAME).iterdir()] == ["dags"]


@pytest.mark.parametrize("verb", ["updated", "deleted"])
def test_call_is_refused_while_an_operation_goes_on(registry: Registry, verb: str) -> None:
    registry.faults.set(Fault(SLOW, time.time(), seconds=2.0))
    registry.create(members())
    served = registry.find(NAME)
    with pytest.raises(ServiceError, match=f"demo is CREATING and cannot be {verb} now") as refused:
        served.update({"MaxWorkers": 3}) if verb == "updated" else served.delete()
    assert refused.value.code == "ValidationException"
    wait_for(registry, "CREATE_FAILED")


def test_update_of_what_was_never_made_is_refused(registry: Registry) -> None:
    registry.create(members())
    wait_for(registry, "CREATE_FAILED")
    with pytest.raises(ServiceError, match="Environments with CREATE_FAILED status cannot be updated"):
        registry.find(NAME).update({"MaxWorkers": 3})


def test_change_of_version_is_refused(registry: Registry) -> None:
    registry.create(members(AirflowVersion="3.3.1"))
    wait_for(registry, "CREATE_FAILED")
    project = registry.find(NAME).project
    records.change(project, lambda record: replace(record, settled=records.AVAILABLE))
    with pytest.raises(ServiceError, match=r"cannot go from Airflow 3\.3\.1 to 2\.10\.3"):
        registry.find(NAME).update({"AirflowVersion": "2.10.3"})
    assert registry.find(NAME).record.operation is None


def test_members_that_break_rules_change_nothing(registry: Registry) -> None:
    with pytest.raises(ServiceError, match="EnvironmentClass"):
        registry.create(members(EnvironmentClass="mw1.huge"))
    assert registry.names() == []
    assert not registry.folder.joinpath(NAME).exists()


def test_damaged_record_hides_no_other_environment(registry: Registry) -> None:
    registry.create(members("first"))
    registry.create(members("second"))
    wait_for(registry, "CREATE_FAILED", name="first")
    wait_for(registry, "CREATE_FAILED", name="second")
    records.record_path(Project(registry.folder / "first")).write_text("{")
    assert registry.names() == ["second"]


def test_what_a_killed_process_left_half_made_goes(registry: Registry) -> None:
    gone, empty, new = (registry.folder / f"{start}{uuid4().hex}" for start in (REMOVED, REMOVED, UNFINISHED))
    for path in (gone, new):
        records.save(Project(path), Record(NAME, records.BY_API, 0.0, {}))
    empty.mkdir()
    opened = len(list(Path("/proc/self/fd").iterdir()))
    registry.resume()
    assert not gone.exists()
    assert not empty.exists()
    assert new.exists()  # somebody may be making it just now
    assert registry.names() == []
    assert len(list(Path("/proc/self/fd").iterdir())) == opened


def test_what_a_worker_is_removing_is_left_to_it(registry: Registry) -> None:
    gone = registry.folder / f"{REMOVED}{uuid4().hex}"
    records.save(Project(gone), Record(NAME, records.BY_API, 0.0, {}))
    lock = take_lock(Project(gone))
    assert lock is not None
    registry.resume()
    assert gone.exists()
    os.close(lock)


@pytest.mark.parametrize("name", [".new-site", ".gone-fishing", f"{REMOVED}mine", f"{REMOVED}{'0' * 32}", "link"])
def test_folder_of_somebody_that_only_has_such_a_name_stays(registry: Registry, name: str) -> None:
    mine = registry.folder / name / "mine.txt"
    if name == "link":
        outside = registry.folder.parent / "outside"
        records.save(Project(outside), Record(NAME, records.BY_API, 0.0, {}))
        registry.folder.mkdir(exist_ok=True)
        (registry.folder / f"{REMOVED}{'1' * 32}").symlink_to(outside)
        mine = outside / "mine.txt"
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine")
    os.utime(mine.parent, (0, 0))
    registry.resume()
    assert mine.read_text() == "mine"


def test_tasks_of_an_environment_find_the_aws_that_its_bucket_is_in(tmp_path: Path, clean_env: dict[str, str]) -> None:
    registry = Registry.of_folder(tmp_path / "environments", {**clean_env, "AWS_ENDPOINT_URL": "http://localhost:9"})
    let_creation_fail(registry)
    registry.create(members())
    assert "Aws: http://localhost:9" in registry.find(NAME).project.environment_path.read_text()
    assert wait_for(registry, "CREATE_FAILED")[-1] == "CREATE_FAILED"
    failure = next(event for event in registry.find(NAME).events if event.is_failure)
    assert "cannot read s3://bucket at http://localhost:9" in failure.what


def test_environment_of_a_project_is_made_in_its_state_folder(tmp_path: Path, clean_env: dict[str, str]) -> None:
    project = Project(tmp_path / "project")
    (project.root_dir / "dags").mkdir(parents=True)
    project.environment_path.write_text(
        "Local: {Runtime: process, Intervals: mwaa, WebserverPort: 8123, Https: true}\n"
    )
    registry = Registry.of_project(project, clean_env)
    let_creation_fail(registry)
    registry.create(members())
    served = registry.find(NAME)
    assert served.project.root_dir == project.state_dir / "environments" / NAME
    text = served.project.environment_path.read_text()
    assert "Intervals: mwaa" in text  # as the project wants its components
    assert "Https: true" in text
    assert "WebserverPort: 0" in text  # but on a port of its own
    assert registry.names() == [NAME]  # the project itself never ran
    wait_for(registry, "CREATE_FAILED")
