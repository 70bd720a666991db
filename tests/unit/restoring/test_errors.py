"""Errors and interrupts of a restore: the next command tidies up and tells what only PostgreSQL knows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.database.dump import write_dump
from mwaa_local.database.dump_format import read_head
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import DockerUnavailable
from mwaa_local.event import Event
from mwaa_local.lifecycle import Lifecycle, Listener
from mwaa_local.release import Release
from mwaa_local.restoring import record
from mwaa_local.restoring.record import REPLACING, Record, Recorder
from mwaa_local.restoring.restore import ASKED_NEXT, Asked, Restoring, name_beside
from mwaa_local.restoring.settling import settle
from mwaa_local.runtime.process.databases import ProcessDatabases
from mwaa_local.runtime.process.runtime import ProcessRuntime
from mwaa_local.secrets import load_secrets
from mwaa_local.workspace import Workspace
from tests.contract.databases import rows
from tests.unit.database.servers import SERVER_ENV
from tests.unit.restoring.projects import VERSION, ask, databases

OTHER = "2.10.1"
TABLES = (
    "CREATE TABLE job (id int)",
    "CREATE TABLE alembic_version (version_num text PRIMARY KEY)",
    f"INSERT INTO alembic_version VALUES ('{Release.load(VERSION).database_revision}')",
    "CREATE TABLE kept (id int PRIMARY KEY)",
    "INSERT INTO kept VALUES (1)",
)


@dataclass
class Fault:
    """What is raised, and when: as the server of the project's database has ended for the n-th time, say."""

    error: BaseException
    opened: int = 0  # the snapshot of before has it for the first time, the rows of the dump come in the second
    removed: bool = False  # it is raised in the place of the removal of a database that is there


class Faulty(ProcessDatabases):
    """Real databases, with a fault."""

    fault: Fault

    @contextlib.contextmanager
    def opened(self, version: str) -> Iterator[str]:
        with super().opened(version) as url:
            yield url
        self.fault.opened -= 1
        if self.fault.opened == 0:
            raise self.fault.error

    def create(self, wanted: Any, version: str, on_event: Any) -> None:
        self.copy(self.versions()[0], version)

    def remove(self, version: str) -> None:
        if self.fault.removed and version in self.versions():
            raise self.fault.error
        super().remove(version)


class Runtime(ProcessRuntime):
    """One with such databases."""

    fault: Fault

    @property
    def databases(self) -> ProcessDatabases:
        found = Faulty(self.project, SERVER_ENV, self.running_plan)
        found.fault = self.fault
        return found


def restoring_with(workspace: Workspace, fault: Fault, told: list[str]) -> Restoring:
    runtime = Runtime(workspace.project, workspace.env)
    runtime.fault = fault
    lifecycle = Lifecycle(workspace, Listener(), lambda _kind, _project, _env: runtime)
    environment = Environment.from_members({"Name": "a", "AirflowVersion": VERSION})

    def tell(event: Event) -> None:
        told.append(event.detail)

    return Restoring(workspace, environment, lifecycle, tell, lifecycle.choose("process"))


def restore(workspace: Workspace, path: Path, fault: Fault) -> list[str]:
    """Restore a dump, in which a row more is than in the database; return what was told."""
    project = workspace.project
    ask(workspace, *TABLES, "INSERT INTO kept VALUES (2)")
    with databases(workspace).opened(VERSION) as url:
        write_dump(url, path, airflow_version=VERSION, fernet_key=load_secrets(project.state_dir).fernet_key)
    ask(workspace, "DELETE FROM kept WHERE id = 2")
    told: list[str] = []
    restoring = restoring_with(workspace, fault, told)
    with workspace.exclusive(), pytest.raises(type(fault.error)):
        restoring.restore(Asked(path, read_head(path)))
    return told


def kept_rows(workspace: Workspace) -> list[tuple[object, ...]]:
    with databases(workspace).opened(VERSION) as url:
        return rows(url, "SELECT id FROM kept ORDER BY id")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DockerUnavailable("no engine")], ids=["interrupt", "error"])
def test_what_comes_after_the_commit_leaves_it_to_the_next_command_to_say_what_is(
    kept: Workspace, tmp_path: Path, error: BaseException
) -> None:
    told = restore(kept, tmp_path / "one", Fault(error, opened=2))
    assert told[-1] == ASKED_NEXT
    assert "all of it is in" in settle(kept)
    assert kept_rows(kept) == [(1,), (2,)]


def test_what_comes_before_leaves_nothing_to_be_said(kept: Workspace, tmp_path: Path) -> None:
    told = restore(kept, tmp_path / "one", Fault(KeyboardInterrupt(), opened=1))
    assert ASKED_NEXT not in told
    assert record.load(kept.project) is None
    assert kept_rows(kept) == [(1,)]


def test_what_could_not_be_removed_is_left_to_the_next_command(kept: Workspace) -> None:
    project = kept.project
    restoring = restoring_with(kept, Fault(DockerUnavailable("no engine"), removed=True), [])
    recorder = Recorder(project, Record("a", VERSION, "process"))
    release = Release.load(VERSION)
    with pytest.raises(DockerUnavailable), recorder.kept(), restoring._beside(release, recorder):
        assert databases(kept).versions() == (VERSION, name_beside(VERSION))
    assert settle(kept).endswith("nothing was changed; run it again")
    assert databases(kept).versions() == (VERSION,)


def test_new_database_that_could_not_be_removed_is_left_to_the_next_command(kept: Workspace) -> None:
    ask(kept, *TABLES)
    restoring = restoring_with(kept, Fault(DockerUnavailable("no engine"), removed=True), [])
    recorder = Recorder(kept.project, Record("a", VERSION, "process", REPLACING))
    databases(kept).copy(VERSION, OTHER)
    databases(kept).remove(VERSION)
    with pytest.raises(DockerUnavailable), recorder.kept(), restoring._made_if_missing(recorder) as is_new:
        assert is_new
        raise KeyboardInterrupt
    assert "the database is as it was" in settle(kept)
    assert databases(kept).versions() == (OTHER,)
