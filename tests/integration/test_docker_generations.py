"""Older generations of releases as containers, each beside the newest release's, by the tests of the other runtime."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.docker_environments import DockerEnvironment, running_containers
from tests.environments import GENERATIONS
from tests.integration.test_docker_environment import test_every_library_of_the_image_can_be_loaded
from tests.integration.test_environment import (
    probe,
    probes,
    test_every_component_is_ready,
    test_sample_dag_succeeded_through_the_worker,
    test_task_sees_mwaa_paths,
    test_task_sees_option_and_startup_variable,
    test_task_sees_the_variables_of_mwaa,
    test_web_page_lists_the_sample_dag,
)

__all__ = [
    "probe",
    "probes",
    "test_every_component_is_ready",
    "test_every_library_of_the_image_can_be_loaded",
    "test_sample_dag_succeeded_through_the_worker",
    "test_task_sees_mwaa_paths",
    "test_task_sees_option_and_startup_variable",
    "test_task_sees_the_variables_of_mwaa",
    "test_web_page_lists_the_sample_dag",
]

pytestmark = [
    pytest.mark.docker,
    pytest.mark.full,
    pytest.mark.network,
    pytest.mark.parametrize("environment", GENERATIONS[1:], indirect=True),
]


@pytest.fixture(scope="module")
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DockerEnvironment]:
    with running_containers(tmp_path_factory.mktemp("older"), request.param) as running:
        yield running


def test_two_releases_run_side_by_side(environment: DockerEnvironment, docker_environment: DockerEnvironment) -> None:
    older, newest = environment, docker_environment
    assert newest.status()["healthy"]
    assert not set(older.plan().ports.values()) & set(newest.plan().ports.values())
    assert not {item.id for item in older.containers().values()} & {item.id for item in newest.containers().values()}
    assert not older.volumes() & newest.volumes()
    images = {plain["Config"]["Image"] for plain in (older.inspect() | newest.inspect()).values()}
    assert {older.release.airflow_version, newest.release.airflow_version} & images_releases(images)


def images_releases(images: set[str]) -> set[str]:
    return {image.partition(":")[2].partition("-")[0] for image in images}
