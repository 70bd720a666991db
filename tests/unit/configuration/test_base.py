"""What of the caller's shell reaches components."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.configuration.base import container_env
from mwaa_local.environment.environment import Environment
from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import Project
from mwaa_local.release import Release


def variables(shell: dict[str, str]) -> dict[str, str]:
    packages = PythonEnvironment(Path("/packages"), "3.12.1", "")
    return container_env(
        Project(Path("/p")),
        Environment(),
        Release.load("3.3.1"),
        packages,
        "/usr/local/airflow",
        shell,
        {"aws": {"A": "b"}},
    )


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_no_proxy_stands_between_components(name: str) -> None:
    env = variables({name: "http://proxy:3128", "NO_PROXY": "intern.example"})
    assert env[name] == "http://proxy:3128"
    for spelling in ("NO_PROXY", "no_proxy"):
        assert env[spelling].split(",") == [
            "intern.example",
            "localhost",
            "127.0.0.1",
            "postgres",
            "redis",
            "webserver",
            "aws",
        ]


def test_without_a_proxy_nothing_is_added() -> None:
    assert not {"NO_PROXY", "no_proxy"} & variables({"PATH": "/bin"}).keys()


def test_variables_of_the_shell_do_not_reach_components() -> None:
    assert (
        not {"SECRET", "AIRFLOW__CORE__EXECUTOR", "PYTHONHOME"}
        & variables({"SECRET": "x", "AIRFLOW__CORE__EXECUTOR": "y", "PYTHONHOME": "z"}).keys()
    )
