"""Which runtime and which release an upgrade begins at: those that have the data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from mwaa_local.errors import DatabaseMissing, DockerUnavailable, MoveRefused
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.upgrade.carrying_out import place
from mwaa_local.upgrade.carrying_out.place import check_source, runtime_with_data
from mwaa_local.workspace import Workspace

OLD, NEW = "2.10.3", "2.11.2"


@dataclass(frozen=True)
class InDocker:
    """Which databases Docker has; None where it does not answer."""

    kept: tuple[str, ...] | None

    @property
    def databases(self) -> InDocker:
        return self

    def versions(self) -> tuple[str, ...]:
        if self.kept is None:
            raise DockerUnavailable("Docker does not answer", "", "start it")
        return self.kept


def workspace(root_dir: Path, *process: str, docker: tuple[str, ...] | None = ()) -> Workspace:
    """Return one with these databases as processes; and, where it has any, or cannot say so, in Docker."""
    (root_dir / "dags").mkdir()
    project = Project(root_dir)
    for version in process:
        (project.database_dir / version).mkdir(parents=True)
    if docker != ():
        (project.state_dir / "docker").mkdir(parents=True)
    return Workspace(project, {"HOME": str(root_dir)})


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...] | None]:
    """What Docker has: a list with one value, to be changed."""
    kept: list[tuple[str, ...] | None] = [()]
    real = place.open_runtime

    def opened(kind: str, project: Project, env: dict[str, str]) -> object:
        return InDocker(kept[0]) if kind == "docker" else real(kind, project, env)

    monkeypatch.setattr(place, "open_runtime", opened)
    return kept


@pytest.mark.parametrize(
    ("process", "in_docker", "wanted", "taken"),
    [
        ((OLD,), (), "auto", "process"),
        ((OLD,), (NEW,), "auto", "process"),
        ((NEW,), (OLD,), "auto", "docker"),
        ((OLD,), None, "auto", "process"),
        ((OLD,), (OLD,), "auto", "auto"),
        ((), (), "auto", "auto"),
        ((OLD,), (OLD,), "docker", "docker"),
        ((), None, "process", "process"),
    ],
)
def test_runtime_is_the_one_that_has_the_database(
    tmp_path: Path,
    docker: list[tuple[str, ...] | None],
    process: tuple[str, ...],
    in_docker: tuple[str, ...] | None,
    wanted: str,
    taken: str,
) -> None:
    docker[0] = in_docker
    assert runtime_with_data(workspace(tmp_path, *process, docker=in_docker), wanted, OLD) == taken


def test_other_runtime_than_the_one_with_the_database_is_refused(
    tmp_path: Path, docker: list[tuple[str, ...] | None]
) -> None:
    with pytest.raises(DatabaseMissing, match=f"Airflow {OLD} is not in Docker, but in processes") as raised:
        runtime_with_data(workspace(tmp_path, OLD), "docker", OLD)
    assert raised.value.hint == "use --runtime process"


def test_database_that_may_be_in_an_engine_that_is_off_ends_it(
    tmp_path: Path, docker: list[tuple[str, ...] | None]
) -> None:
    docker[0] = None
    with pytest.raises(DockerUnavailable):
        runtime_with_data(workspace(tmp_path, docker=None), "auto", OLD)


def test_version_that_was_written_before_its_data_came_along_is_not_there_already(tmp_path: Path) -> None:
    with pytest.raises(MoveRefused, match=f"mwaa.yaml has Airflow {NEW}, but the environment has {OLD}") as raised:
        check_source(workspace(tmp_path, OLD), Release.load(NEW), Release.load(NEW))
    assert raised.value.hint == f"set AirflowVersion back to {OLD}, then: mwaa-local upgrade --to {NEW} --yes"


@pytest.mark.parametrize(("kept", "source"), [((OLD, NEW), NEW), ((), NEW), ((OLD,), OLD)])
def test_release_whose_database_is_there_is_the_source(tmp_path: Path, kept: tuple[str, ...], source: str) -> None:
    check_source(workspace(tmp_path, *kept), Release.load(source), Release.load(NEW))


def test_release_that_runs_is_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "_running_version", lambda workspace: OLD)
    here = workspace(tmp_path, OLD)
    for target in (NEW, "3.3.1"):
        with pytest.raises(MoveRefused, match=f"Airflow {OLD} runs"):
            check_source(here, Release.load(NEW), Release.load(target))
    check_source(here, Release.load(OLD), Release.load(NEW))
