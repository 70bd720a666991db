"""Fixtures of the contract: a house for each backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mwaa_local.project import Project
from tests.contract.house import BACKENDS, DOCKER, NOT_ISOLATED, ONE_OF_EACH_KIND, House, Open
from tests.docker import GeneratedRuntime, skip_without_docker


def _with_marks(names: tuple[str, ...]) -> list[object]:
    marks = {DOCKER: pytest.mark.docker, NOT_ISOLATED: pytest.mark.full}
    return [pytest.param(name, marks=marks.get(name, ())) for name in names]


def _backend(name: str) -> Open:
    if name == DOCKER:
        skip_without_docker()
    return BACKENDS[name]


@pytest.fixture
def make_house(tmp_path: Path, clean_env: dict[str, str]) -> Iterator[Callable[..., House]]:
    made: list[House] = []

    def make(open_runtime: Open, folder: str = "project") -> House:
        project = Project(tmp_path / folder)
        project.dags_dir.mkdir(parents=True)
        house = House(project, open_runtime(project, clean_env), clean_env["PATH"])
        made.append(house)
        return house

    yield make
    for house in made:
        left = house.end()
        assert not left, f"stop left {len(left)} processes behind"


@pytest.fixture(params=_with_marks(tuple(BACKENDS)))
def open_runtime(request: pytest.FixtureRequest) -> Open:
    return _backend(request.param)


@pytest.fixture
def house(make_house: Callable[..., House], open_runtime: Open) -> House:
    return make_house(open_runtime)


@pytest.fixture(params=_with_marks(ONE_OF_EACH_KIND))
def make_scalable(make_house: Callable[..., House], request: pytest.FixtureRequest) -> Callable[[], House]:
    """Make a house on one backend of each kind, where there can be several of the component `worker`."""
    backend = _backend(request.param)
    if request.param == DOCKER:
        return lambda: make_house(lambda project, env: GeneratedRuntime(project, env, replicated=("worker",)))
    return lambda: make_house(backend)


@pytest.fixture(params=_with_marks(ONE_OF_EACH_KIND))
def one_house(make_house: Callable[..., House], request: pytest.FixtureRequest) -> House:
    """A house on one backend of each kind: for what does not depend on how processes are kept together."""
    return make_house(_backend(request.param))
