"""pytest plugin: DAGs tested in real MWAA environments of this machine, from an ordinary test suite.

| fixture | scope | what it gives |
| --- | --- | --- |
| `dagbag` | session | a `Dagbag`: every DAG file, imported with the release's own Airflow; nothing is started |
| `mwaa_environment` | session | an `MwaaEnvironment` that runs; one that pytest had to start is stopped at the end |
| `run_dag` | function | a function that runs a DAG through scheduler and worker and returns a `DagRun` |

Tests need neither Airflow nor the DAGs' packages in their own environment: everything is asked of `mwaa-local`, as a
user would, in its documented JSON. The project is the folder that pytest runs in, or what `--mwaa-project` names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_mwaa_local.asking import MwaaLocal
from pytest_mwaa_local.values import Dagbag, DagRun, ImportedDag, MwaaEnvironment, TaskRun

__all__ = ["DagRun", "Dagbag", "ImportedDag", "MwaaEnvironment", "TaskRun"]

FROM_FIXTURES = {"MWAA_LOCAL_AWS_STATE": "memory"}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mwaa-local", "tests of DAGs with mwaa-local")
    group.addoption("--mwaa-project", metavar="DIR", default="", help="the project's folder; by default pytest's own")
    group.addoption(
        "--mwaa-runtime", choices=("auto", "docker", "process"), default="", help="as `mwaa-local up` has it"
    )
    group.addoption("--mwaa-keep", action="store_true", help="leave the environment running after the tests")


@pytest.fixture(scope="session")
def _mwaa_local(pytestconfig: pytest.Config) -> MwaaLocal:
    named = str(pytestconfig.getoption("--mwaa-project"))
    runtime = str(pytestconfig.getoption("--mwaa-runtime"))
    return MwaaLocal(Path(named or pytestconfig.rootpath).absolute(), runtime)


@pytest.fixture(scope="session")
def dagbag(_mwaa_local: MwaaLocal) -> Dagbag:
    """Every DAG of the project, and every file that cannot be imported, as MWAA's dag-processor would see them."""
    return Dagbag.from_json(_mwaa_local.json("check", "dags", "--json", accept=(0, 1)))


@pytest.fixture(scope="session")
def mwaa_environment(_mwaa_local: MwaaLocal, pytestconfig: pytest.Config) -> Iterator[MwaaEnvironment]:
    """The project's environment, up and ready.

    The local AWS of one that pytest starts holds what is in `tests/aws/` and forgets it all at the end: what the
    project's own keeps stays as it is.
    """
    was_running = bool(_mwaa_local.json("status", "--json", accept=(0, 1, 3))["running"])
    words = () if was_running else ("--port", "0", *_mwaa_local.runtime_words)
    answer = _mwaa_local.json("up", "--json", *words, variables={} if was_running else FROM_FIXTURES)
    yield MwaaEnvironment(_mwaa_local, str(answer["url"]), str(answer["airflow_version"]))
    if not was_running and not pytestconfig.getoption("--mwaa-keep"):
        _mwaa_local.say("down", "--now")


@pytest.fixture
def run_dag(mwaa_environment: MwaaEnvironment) -> Callable[..., DagRun]:
    """Run a DAG and wait for its end: `run_dag("my_dag", conf={"day": "2026-01-01"}, timeout_s=60)`.

    A run that does not succeed fails the test with Airflow's table of tasks and the log of what failed. Where it is to
    fail, `run_dag("my_dag", expect="failed")` returns it, and fails the test when it succeeds.
    """
    return mwaa_environment.run_dag
