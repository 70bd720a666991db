"""Restores over several releases: what each migration needs is looked for before anything is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from mwaa_local.database.dump_format import Head
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import PythonUnavailable
from mwaa_local.event import Event
from mwaa_local.lifecycle import Lifecycle, Listener
from mwaa_local.project import Project
from mwaa_local.restoring.record import record_path
from mwaa_local.restoring.restore import Asked, Restoring
from mwaa_local.runtime.databases import Databases
from mwaa_local.wanted import Wanted
from mwaa_local.workspace import Workspace
from tests.fakes import FakeRuntime

SOURCE, BETWEEN, TARGET = "2.10.3", "2.11.2", "3.3.1"


@dataclass
class LacksAPython:
    """Databases of a machine that has no interpreter for one release. Nothing else may be asked of them."""

    lacking: str
    prepared: list[str] = field(default_factory=list)

    def prepare(self, wanted: Wanted, on_event: Callable[[Event], None]) -> None:
        version = wanted.release.airflow_version
        if version == self.lacking:
            raise PythonUnavailable(f"no Python for Airflow {version}")
        self.prepared.append(version)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


class Runtime(FakeRuntime):
    """One with such databases."""

    kept: LacksAPython

    @property
    def databases(self) -> Databases:
        return cast(Databases, self.kept)


@pytest.mark.parametrize("lacking", [SOURCE, BETWEEN, TARGET])
def test_lacking_python_of_any_release_on_the_way_is_told_before_anything_is_done(tmp_path: Path, lacking: str) -> None:
    (tmp_path / "dags").mkdir()
    project = Project(tmp_path)
    project.make_state_dir()
    workspace = Workspace(project, {"HOME": str(tmp_path)})
    runtime = Runtime(plan=cast(Any, None))
    runtime.kept = LacksAPython(lacking)
    lifecycle = Lifecycle(workspace, Listener(), lambda _kind, _project, _env: runtime)
    environment = Environment.from_members({"Name": "a", "AirflowVersion": TARGET})
    restoring = Restoring(workspace, environment, lifecycle, lambda _event: None, lifecycle.choose("process"))
    head = Head("", SOURCE, {}, "", (), ())
    with pytest.raises(PythonUnavailable, match=f"for Airflow {lacking}"):
        restoring.restore(Asked(tmp_path / "airflow.dump", head))
    way = [SOURCE, BETWEEN, TARGET]
    assert runtime.kept.prepared == way[: way.index(lacking)]
    assert runtime.calls == []
    assert not record_path(project).exists()
