"""An environment whose components were killed starts again: nothing that they left keeps it from that."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import ProjectRunner

pytestmark = [pytest.mark.full, pytest.mark.network]


@pytest.mark.parametrize("version", ["2.10.3", "2.2.2"])
def test_environment_starts_again_after_its_components_were_killed(
    project: Callable[..., ProjectRunner], version: str
) -> None:
    runner = project({"mwaa.yaml": f'AirflowVersion: "{version}"\n', "dags/none.py": ""})
    for _ in range(2):
        outcome = runner.run("up", "--port", "0")
        assert outcome.exit_code == 0, outcome.stderr
        assert list((runner.root_dir / ".mwaa-local").rglob("airflow-*.pid"))  # Airflow writes some
        assert runner.run("down", "--now").exit_code == 0
