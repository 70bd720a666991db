"""Figures of components as the service puts them into CloudWatch, in the namespace `AWS/MWAA`. Pure.

Source: MWAA user guide, "Container, queue, and database metrics for Amazon MWAA". How the values of `Cluster` are spelt
is known of AdditionalWorker alone; the others are ours, after the same pattern. What a machine without Aurora, load
balancer and containers of Fargate has no like of is not put: docs/differences.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mwaa_local.metrics.datum import BYTES_PER_SECOND, COUNT, PERCENT, SECONDS, SERVICE_NAMESPACE, Datum
from mwaa_local.metrics.figures import ComponentFigures, Figures
from mwaa_local.metrics.minutes import Spread
from mwaa_local.plan import COMPONENT_OF

if TYPE_CHECKING:
    from mwaa_local.environment.classes import Size
    from mwaa_local.environment.environment import Environment

GIB = 1 << 30
CLUSTERS = {"scheduler": "Scheduler", "webserver": "WebServer"}  # MWAA's component -> the value of `Cluster`
WORKER = "worker"
BASE_WORKER, ADDITIONAL_WORKER = "BaseWorker", "AdditionalWorker"


def service_data(found: Figures, minute: int, environment: Environment) -> list[Datum]:
    """Return the figures of a minute as the service would put them, in the same order for the same figures."""
    about = {"Environment": environment.name}
    data: list[Datum] = []
    for cluster, containers in _clusters(found, environment).items():
        for name, unit, values in _measured(containers, _size(cluster, environment)):
            if values:
                where = {**about, "Cluster": cluster}
                data.append(Datum.of(SERVICE_NAMESPACE, name, where, unit, minute, _spread(values)))
    if found.tasks is not None:
        for name, unit, value in (
            ("ApproximateAgeOfOldestTask", SECONDS, found.tasks.oldest_queued_s),
            ("QueuedTasks", COUNT, found.tasks.queued),
            ("RunningTasks", COUNT, found.tasks.running),
        ):
            data.append(Datum.of(SERVICE_NAMESPACE, name, about, unit, minute, _spread([value])))
    return data


def _clusters(found: Figures, environment: Environment) -> dict[str, list[ComponentFigures]]:
    """Return the containers of each cluster, as MWAA has them: a scheduler's has all that runs beside it.

    The running workers with the lowest numbers are the base: that there are MinWorkers of them is all that is known.
    """
    workers = sorted(_number(name) for name in found.components if _component(name) == WORKER)
    base = set(workers[: environment.min_workers])
    containers: dict[tuple[str, int], list[ComponentFigures]] = {}
    for name, each in found.components.items():
        component = _component(name)
        number = _number(name)
        if component in CLUSTERS:
            is_numbered = name.partition(".")[0] == "scheduler"
            containers.setdefault((CLUSTERS[component], number if is_numbered else 1), []).append(each)
        elif component == WORKER:
            cluster = BASE_WORKER if number in base else ADDITIONAL_WORKER
            containers.setdefault((cluster, number), []).append(each)
    clusters: dict[str, list[ComponentFigures]] = {}
    for (cluster, _), parts in sorted(containers.items()):
        clusters.setdefault(cluster, []).append(_together(parts))
    return clusters


def _component(name: str) -> str | None:
    return COMPONENT_OF.get(name.partition(".")[0])


def _number(name: str) -> int:
    return int(name.partition(".")[2] or 1)


def _size(cluster: str, environment: Environment) -> Size:
    facts = environment.environment_class_facts
    return {"Scheduler": facts.scheduler, "WebServer": facts.webserver}.get(cluster, facts.worker)


def _measured(containers: Iterable[ComponentFigures], size: Size) -> Iterable[tuple[str, str, list[float]]]:
    """Yield metric, unit and the value of each container; percent are of what the environment class has."""
    each = list(containers)
    yield "CPUUtilization", PERCENT, [item.cpu_percent / size.vcpus for item in each]
    yield "MemoryUtilization", PERCENT, [item.memory_bytes / (size.memory_gb * GIB) * 100 for item in each]
    yield (
        "NetworkRxBytes",
        BYTES_PER_SECOND,
        [item.received_bytes_s for item in each if item.received_bytes_s is not None],
    )
    yield "NetworkTxBytes", BYTES_PER_SECOND, [item.sent_bytes_s for item in each if item.sent_bytes_s is not None]


def _together(parts: list[ComponentFigures]) -> ComponentFigures:
    received = [item.received_bytes_s for item in parts if item.received_bytes_s is not None]
    sent = [item.sent_bytes_s for item in parts if item.sent_bytes_s is not None]
    return ComponentFigures(
        sum(item.cpu_percent for item in parts),
        sum(item.memory_bytes for item in parts),
        sum(received) if received else None,
        sum(sent) if sent else None,
    )


def _spread(values: list[float]) -> Spread:
    return Spread(len(values), sum(values), min(values), max(values), values[-1])
