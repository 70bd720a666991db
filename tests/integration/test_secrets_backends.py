"""A secrets backend and the local AWS: Variables and Connections for DAG files and for tasks, in old and new releases.

What MWAA's user guide shows under "Using a secret key in AWS Secrets Manager for an Apache Airflow connection".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from tests.environments import GENERATIONS, TEST_DAGS_DIR, RunningEnvironment, start, stopped_at_the_end

pytestmark = [pytest.mark.network, pytest.mark.full]
VALUES = {"variables/stage": "rehearsal", "connections/orders": "postgres://me:hidden-33@db.example.org:5432/orders"}


@dataclass(frozen=True)
class Backend:
    """One of the provider's two backends, and the file that fills its service."""

    class_path: str
    prefix: str
    file: str


BACKENDS = {
    "secrets manager": Backend("secrets_manager.SecretsManagerBackend", "airflow", "secrets.yaml"),
    "parameter store": Backend("systems_manager.SystemsManagerParameterStoreBackend", "/airflow", "parameters.yaml"),
}
CASES = [(version, name) for version in GENERATIONS for name in BACKENDS]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1].replace(' ', '-')}")
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningEnvironment]:
    version, name = request.param
    backend = BACKENDS[name]
    kwargs = {f"{kind}_prefix": f"{backend.prefix}/{kind}" for kind in ("connections", "variables")}
    settings = {
        "AirflowVersion": version,
        "AirflowConfigurationOptions": {
            "secrets.backend": f"airflow.providers.amazon.aws.secrets.{backend.class_path}",
            "secrets.backend_kwargs": json.dumps(kwargs),
        },
        "Local": {"Aws": "local"},
    }
    with stopped_at_the_end(tmp_path_factory.mktemp("secrets")) as empty:
        runner = replace(empty, env={**empty.env, "MWAA_LOCAL_RUNTIME": "process"})
        runner.write(
            {
                "mwaa.yaml": json.dumps(settings),
                "dags/reads_secrets.py": (TEST_DAGS_DIR / "reads_secrets.py").read_text(),
                f"tests/aws/{backend.file}": json.dumps({f"{backend.prefix}/{key}": VALUES[key] for key in VALUES}),
            }
        )
        yield start(runner, version, "--run", "reads_secrets")


def test_dag_file_and_task_find_what_only_the_secrets_backend_has(environment: RunningEnvironment) -> None:
    wanted = ["rehearsal", "db.example.org", "hidden-33"]
    assert json.loads(environment.read("logs/secrets.json")) == {"at_import": wanted, "in_task": wanted}
    tags = {name for (name,) in environment.query("SELECT name FROM dag_tag WHERE dag_id = 'reads_secrets'")}
    assert tags == {"rehearsal", "db.example.org"}  # from the dag-processor


def test_backend_of_the_users_own_is_not_said_to_have_no_effect(environment: RunningEnvironment) -> None:
    assert "has no effect" not in environment.started.stderr
    assert "hidden-33" not in environment.started.stderr
