"""The environment classes of MWAA: what each size has, and the Airflow defaults that follow from it. Facts only.

Source: MWAA user guide, "Configuring the Amazon MWAA environment class" and "Performance tuning for Apache Airflow".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MICRO = "mw1.micro"
# The class of an environment that names none (MWAA user guide, "Configuring the Amazon MWAA environment class").
DEFAULT_ENVIRONMENT_CLASS = "mw1.small"
# How many of each component (MWAA user guide, "Configuring the Amazon MWAA environment class" and "Configuring
# automatic scaling"); of web servers, MWAA API, CreateEnvironment: the default of both the least and the most.
DEFAULT_MIN_WORKERS = 1
DEFAULT_MAX_WORKERS = 10
DEFAULT_SCHEDULERS = 2  # also the least number, except where only one is possible
DEFAULT_WEBSERVERS = 2
ONLY_ONE = 1  # of each component in mw1.micro, and of schedulers under Airflow 1


@dataclass(frozen=True)
class Size:
    """What one container of a component has."""

    vcpus: int
    memory_gb: int


@dataclass(frozen=True)
class EnvironmentClass:
    """One environment class. In mw1.micro, scheduler and worker share one container, so they name the same size."""

    name: str
    dag_capacity: int  # DAG definitions; MWAA's advice, not enforced
    scheduler: Size
    worker: Size
    webserver: Size
    database: Size
    worker_slots: int  # tasks that one worker runs at a time
    triggerer_capacity: int  # triggers that one triggerer runs at a time

    @property
    def worker_autoscale(self) -> str:
        """The default of `celery.worker_autoscale`, "most,least"; MWAA's least is 0."""
        return f"{self.worker_slots},0"


# MWAA publishes no triggerer capacity for mw1.micro; this is that of mw1.small, which has as many vCPUs.
MICRO_TRIGGERER_CAPACITY = 60

_ROWS = (
    EnvironmentClass(MICRO, 25, Size(1, 3), Size(1, 3), Size(1, 3), Size(2, 4), 3, MICRO_TRIGGERER_CAPACITY),
    EnvironmentClass("mw1.small", 50, Size(1, 2), Size(1, 2), Size(1, 2), Size(2, 4), 5, 60),
    EnvironmentClass("mw1.medium", 250, Size(2, 4), Size(2, 4), Size(1, 2), Size(2, 8), 10, 125),
    EnvironmentClass("mw1.large", 1000, Size(4, 8), Size(4, 8), Size(2, 4), Size(2, 8), 20, 250),
    EnvironmentClass("mw1.xlarge", 2000, Size(8, 24), Size(8, 24), Size(4, 12), Size(4, 32), 40, 500),
    EnvironmentClass("mw1.2xlarge", 4000, Size(16, 48), Size(16, 48), Size(8, 24), Size(8, 64), 80, 1000),
)
ENVIRONMENT_CLASSES: Mapping[str, EnvironmentClass] = MappingProxyType({row.name: row for row in _ROWS})
