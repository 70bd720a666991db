"""What components use, minute by minute, and as the service would put it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mwaa_local.database.tasks import TaskCounts
from mwaa_local.environment.environment import Environment
from mwaa_local.metrics.figures import ComponentFigures, Figures, Look, append_figures, read_figures
from mwaa_local.metrics.service_data import service_data
from mwaa_local.runtime.usage import Usage

NOON = 1_796_040_000
GIB = 1 << 30


def test_share_of_a_core_is_what_was_used_between_two_looks() -> None:
    before = Look(100.0, {"worker.1": Usage(10.0, GIB, 1000, 500), "aws": Usage(1.0, 5), "redis": Usage(9.0, 5)})
    now = Look(160.0, {"worker.1": Usage(40.0, 2 * GIB, 7000, 500), "aws": Usage(1.0, 6), "redis": Usage(1.0, 5)})
    now = Look(now.when, {**now.usage, "worker.2": Usage(3.0, GIB)})
    assert now.since(before) == {
        "worker.1": ComponentFigures(50.0, 2 * GIB, 100.0, 0.0),
        "aws": ComponentFigures(0.0, 6),
    }  # the broker began anew meanwhile, the second worker was not there
    assert before.since(before) == {}


def test_figures_are_read_as_they_were_written_and_private(tmp_path: Path) -> None:
    one = Figures({"scheduler": ComponentFigures(1.5, 10)}, TaskCounts(2, 1, 3.5), {"scheduler": 0.4})
    other = Figures({}, None)
    append_figures(tmp_path, NOON, one)
    [path] = tmp_path.iterdir()
    with path.open("a") as file:
        file.write('{"minute": 1, "comp')  # torn by a crash
    append_figures(tmp_path, NOON + 60, other)
    assert read_figures(tmp_path, NOON, NOON + 60) == {NOON: one, NOON + 60: other}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.fixture
def environment() -> Environment:
    members = {"Name": "mine", "EnvironmentClass": "mw1.medium", "MinWorkers": 2, "MaxWorkers": 5}
    return Environment.model_validate(members)


def test_clusters_are_mwaa_s_containers(environment: Environment) -> None:
    """2 vCPUs and 4 GB for schedulers and workers, 1 and 2 for web servers: mw1.medium."""
    cpu = {"scheduler": 50, "dag-processor": 30, "triggerer": 20, "scheduler.2": 10, "webserver": 40, "door": 99}
    workers = {"worker.1": 100, "worker.2": 60, "worker.3": 20}
    components = {name: ComponentFigures(percent, GIB, 5.0) for name, percent in {**cpu, **workers}.items()}
    data = service_data(Figures(components, None), NOON, environment)
    found = {(datum.name, dict(datum.dimensions).get("Cluster")): datum.values for datum in data}
    shares = {
        cluster: (spread.count, spread.least, spread.greatest)
        for (name, cluster), spread in found.items()
        if name == "CPUUtilization"
    }
    assert shares == {
        "Scheduler": (2, 5, 50),
        "BaseWorker": (2, 30, 50),
        "AdditionalWorker": (1, 10, 10),
        "WebServer": (1, 40, 40),
    }
    assert found["MemoryUtilization", "WebServer"].last == 50
    assert found["MemoryUtilization", "Scheduler"].greatest == 75  # three components of one container
    assert found["NetworkRxBytes", "BaseWorker"].total == 10
    assert ("NetworkTxBytes", "BaseWorker") not in found  # nobody could tell
    assert {dict(datum.dimensions)["Environment"] for datum in data} == {"mine"}
    assert {datum.namespace for datum in data} == {"AWS/MWAA"}


@pytest.mark.parametrize(
    ("running", "base", "additional"),
    [
        ({"worker.3": 40}, [20], []),  # its first two are being started anew
        ({"worker.2": 40, "worker.4": 60, "worker.11": 80}, [20, 30], [40]),
        ({"worker.1": 40, "worker.2": 60}, [20, 30], []),
    ],
)
def test_base_workers_are_as_many_as_there_should_be_whatever_their_numbers(
    running: dict[str, float], base: list[float], additional: list[float], environment: Environment
) -> None:
    components = {name: ComponentFigures(percent, GIB) for name, percent in running.items()}
    data = service_data(Figures(components, None), NOON, environment)
    found = {dict(datum.dimensions)["Cluster"]: datum.values for datum in data if datum.name == "CPUUtilization"}
    for cluster, shares in (("BaseWorker", base), ("AdditionalWorker", additional)):
        assert (cluster in found) == bool(shares)
        if shares:
            values = found[cluster]
            assert (values.count, values.least, values.greatest) == (len(shares), min(shares), max(shares))


def test_tasks_are_those_of_the_metadata_database(environment: Environment) -> None:
    data = service_data(Figures({}, TaskCounts(3, 4, 12.5)), NOON, environment)
    assert {datum.name: (datum.unit, datum.values.last) for datum in data} == {
        "ApproximateAgeOfOldestTask": ("Seconds", 12.5),
        "QueuedTasks": ("Count", 4),
        "RunningTasks": ("Count", 3),
    }
    assert service_data(Figures({}, None), NOON, environment) == []
